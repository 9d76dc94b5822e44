/** `omega-verify` beside `omega verify`: to each question the same JSON, the same lines and the same exit code. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { OMEGA } from './support/omega.js';

const CLI = join(process.cwd(), 'dist/node/cli.js');
const folder = mkdtempSync(join(tmpdir(), 'omega-verify-'));
/** Each violation that `omega generate-events` plants, and the predicate that it breaks. */
const CONFLICTS = [
  'lamport-monotonic',
  'event-unique',
  'event-id-domain',
  'stream-linked-gap',
  'stream-linked-break',
  'payload-hash-match',
  'dependency-known',
  'dependency-precedes',
  'overlap-agreement',
  'claim-agreement',
];

after(() => rmSync(folder, { recursive: true }));

/** A batch of two writers' logs after another, certified into one chain; and one certificate of a conflict each. */
before(() => {
  omega('keygen --output judge.key');
  omega('keygen --output other.key');
  omega('generate-events --output a.omega --count 300 --nodes 2 --split-by node');
  batch(1, ['a.1.omega', 'a.2.omega'], '--save-snapshot 1.snap');
  omega('append --log c.omega --node 7 --key judge.key --payload three');
  batch(2, ['c.omega'], '--snapshot 1.snap --save-snapshot 2.snap');
  omega('append --log d.omega --node 8 --payload four');
  batch(3, ['d.omega'], '--snapshot 2.snap --save-snapshot 3.snap');
  const id = String(omega('append --log e.omega --node 9 --payload gone').id);
  omega('reconcile --input e.omega --output e.result');
  certify('e.result', 'e.log', 'e.cert');
  omega(`erase --input e.omega --event ${id} --output erased.omega`);
  omega(`prove --event ${id} --cert e.cert --input e.omega --output event.proof`);
  omega(`prove --id-in-state ${id} --cert 2.cert --snapshot 2.snap --output state.proof`);
  for (const kind of CONFLICTS) {
    omega(`generate-events --output ${kind}.omega --count 20 --conflict ${kind}`);
    omega(`reconcile ${inputs(conflicting(kind))} --output ${kind}.result`, [10]);
    certify(`${kind}.result`, `${kind}.log`, `${kind}.cert`);
  }
  // A kernel of the same code and another hash: a custom section behind it.
  omega('kernel export --output kernel.wasm');
  write('other.wasm', concat(read('kernel.wasm'), [0, 5, 4, ...Buffer.from('more')]));
  write('changed.wasm', flipped(read('kernel.wasm'), 200_000));
  omega('reconcile --kernel other.wasm --input d.omega --output other.result');
  certify('other.result', 'other.log', 'other.cert', '--kernel other.wasm');

  write('flipped.omega', flipped(read('a.1.omega'), 5000));
  write('header.omega', flipped(read('a.1.omega'), 3));
  write('cut.omega', read('a.1.omega').subarray(0, -40));
  write('grown.omega', read('a.1.omega'));
  appendFileSync(join(folder, 'grown.omega'), new Uint8Array(7));
  write('early.cert', flipped(read('1.cert'), 40));
  write('middle.cert', flipped(read('1.cert'), 400));
  write('signature.cert', flipped(read('1.cert'), read('1.cert').length - 1));
  write('cut.log', read('cert.log').subarray(0, -9));
  write('broken.log', flipped(read('cert.log'), 700));
  write('torn.log', concat(read('cert.log'), [1, 2, 3]));
  write('lost.log', read('cut.log'));
  write('lost.hash', read('cert.hash'));
  write('swapped.proof', flipped(read('event.proof'), read('event.proof').length - 5));
  write('empty', new Uint8Array(0));
  write('junk', Buffer.from('a diary\n'));
  write('list.json', Buffer.from('[{"id": 1}]'));
  write('policy.toml', Buffer.from(`signers = ["${key('judge')}"]\n`));
  write('strict.toml', Buffer.from(`signers = ["${key('judge')}"]\nkernels = ["${'02'.repeat(32)}"]\n`));
  write('wrong.toml', Buffer.from('signers = []\nsinger = 1\n'));
});

/** Flags, and what must come out: the exit code and the stable name. */
type Question = [flags: string, exit: number, code: string | null];
const FIRST = '--cert 1.cert --trust judge.pub';
const BOTH = '--input a.1.omega --input a.2.omega';

const questions: Record<string, Question[]> = {
  'logs that agree': [
    [`${FIRST} ${BOTH}`, 0, null],
    [`${FIRST} --input a.2.omega --input a.1.omega`, 0, null],
    [FIRST, 0, null],
    [`--cert 1.cert --any-signer ${BOTH}`, 0, null],
    [`--cert 1.cert --policy policy.toml ${BOTH}`, 0, null],
    [`${FIRST} ${BOTH} --kernel other.wasm --kernel kernel.wasm`, 0, null],
  ],
  'each kind of conflict, from the certificate alone and from its logs': CONFLICTS.flatMap(
    (kind): Question[] => [
      [`--cert ${kind}.cert --trust judge.pub`, 0, null],
      [`--cert ${kind}.cert --trust judge.pub ${inputs(conflicting(kind))}`, 0, null],
    ],
  ),
  'a log that was touched': [
    [`${FIRST} --input flipped.omega --input a.2.omega`, 30, 'frame-damaged'],
    [`${FIRST} --input header.omega --input a.2.omega`, 30, 'not-an-omega-log'],
    [`${FIRST} --input cut.omega --input a.2.omega`, 30, 'torn-tail'],
    [`${FIRST} --input grown.omega --input a.2.omega`, 0, null],
    [`--cert e.cert --trust judge.pub --input erased.omega`, 0, null],
    [`--cert overlap-agreement.cert --any-signer --input overlap-agreement.omega`, 30, 'log-missing'],
  ],
  'logs that are missing, too many or of another kind': [
    [`${FIRST} --input a.1.omega`, 30, 'log-missing'],
    [`${FIRST} --input c.omega`, 30, 'log-missing'],
    [`${FIRST} ${BOTH} --input c.omega`, 0, null],
    [`${FIRST} ${BOTH} --input none.omega`, 30, 'file-not-found'],
    [`${FIRST} --input .`, 30, 'is-a-directory'],
    [`${FIRST} --input 1.cert/x`, 30, 'file-not-found'],
    [`${FIRST} --input /dev/null`, 30, 'file-unreadable'],
    [`${FIRST} --input empty`, 30, 'file-empty'],
    [`${FIRST} --input junk`, 30, 'not-an-omega-log'],
    [`${FIRST} --input list.json`, 30, 'not-an-omega-log'],
    [`${FIRST} --input 1.cert --input kernel.wasm`, 30, 'not-an-omega-log'],
  ],
  'a certificate that was touched, or is none': [
    ['--cert early.cert --trust judge.pub', 20, 'cert-id-mismatch'],
    ['--cert middle.cert --trust judge.pub', 20, 'cert-id-mismatch'],
    ['--cert signature.cert --trust judge.pub', 20, 'signature-invalid'],
    ['--cert none.cert --trust judge.pub', 30, 'file-not-found'],
    ['--cert empty --trust judge.pub', 30, 'file-empty'],
    ['--cert junk --trust judge.pub', 30, 'certificate-malformed'],
    ['--cert a.omega --trust judge.pub', 30, 'certificate-malformed'],
    ['--cert cert.log --trust judge.pub', 30, 'certificate-malformed'],
    ['--cert . --trust judge.pub', 30, 'is-a-directory'],
  ],
  'whom to trust': [
    ['--cert 1.cert', 30, 'signer-untrusted'],
    ['--cert 1.cert --trust other.pub', 30, 'signer-untrusted'],
    ['--cert 1.cert --trust other.pub --trust judge.pub', 0, null],
    [`--cert 1.cert --trust ${'ab'.repeat(32)}`, 30, 'key-invalid'],
    ['--cert 1.cert --trust judge.key', 30, 'key-invalid'],
    ['--cert 1.cert --trust junk', 30, 'key-invalid'],
    ['--cert 1.cert --policy strict.toml', 30, 'kernel-unknown'],
    ['--cert 1.cert --policy wrong.toml', 30, 'trust-policy-invalid'],
    ['--cert 1.cert --policy none.toml', 30, 'file-not-found'],
    ['--cert none.cert --policy wrong.toml', 30, 'trust-policy-invalid'],
  ],
  kernels: [
    ['--cert other.cert --trust judge.pub --input d.omega', 30, 'kernel-unknown'],
    ['--cert other.cert --trust judge.pub --input d.omega --kernel changed.wasm', 30, 'kernel-unknown'],
    ['--cert other.cert --trust judge.pub --input d.omega --kernel other.wasm', 0, null],
    [`${FIRST} ${BOTH} --kernel changed.wasm`, 0, null],
    [`${FIRST} --kernel junk`, 30, 'kernel-invalid'],
    [`${FIRST} --kernel empty`, 30, 'file-empty'],
    [`${FIRST} --kernel none.wasm`, 30, 'file-not-found'],
  ],
  'a chain': [
    ['--cert-log cert.log --trust judge.pub', 0, null],
    [`--cert-log cert.log --trust judge.pub ${BOTH} --input c.omega --input d.omega`, 0, null],
    [`--cert-log cert.log --trust judge.pub ${BOTH} --input d.omega`, 30, 'log-missing'],
    ['--cert-log cert.log --trust judge.pub --snapshot 1.snap --input c.omega --input d.omega', 0, null],
    ['--cert-log cert.log --trust judge.pub --head 2.cert', 0, null],
    ['--cert-log cert.log --trust judge.pub --head e.cert', 20, 'chain-broken'],
    [`--cert-log cert.log --trust judge.pub --head ${'00'.repeat(32)}`, 20, 'chain-broken'],
    ['--cert-log cut.log --trust judge.pub', 30, 'store-tail-unreadable'],
    ['--cert-log torn.log --trust judge.pub', 30, 'store-tail-unreadable'],
    ['--cert-log lost.log --trust judge.pub', 30, 'store-damaged'],
    ['--cert-log broken.log --trust judge.pub', 30, 'store-damaged'],
    ['--cert-log 1.cert --trust judge.pub', 30, 'store-damaged'],
    ['--cert-log none.log --trust judge.pub', 30, 'file-not-found'],
  ],
  snapshots: [
    ['--cert 2.cert --trust judge.pub --snapshot 1.snap --input c.omega', 0, null],
    ['--cert 2.cert --trust judge.pub --input c.omega', 30, 'snapshot-missing'],
    ['--cert 2.cert --trust judge.pub --snapshot 2.snap --input c.omega', 20, 'state-mismatch'],
    ['--cert 2.cert --trust judge.pub --snapshot junk --input c.omega', 30, 'snapshot-malformed'],
    ['--cert 2.cert --trust judge.pub --snapshot none --input c.omega', 30, 'file-not-found'],
  ],
  proofs: [
    ['--cert e.cert --trust judge.pub --proof event.proof', 0, null],
    ['--cert 2.cert --trust judge.pub --proof state.proof', 0, null],
    ['--cert-log cert.log --trust judge.pub --proof state.proof', 0, null],
    ['--cert 1.cert --trust judge.pub --proof event.proof', 20, 'proof-wrong'],
    ['--cert e.cert --trust judge.pub --proof swapped.proof', 20, 'proof-wrong'],
    ['--cert e.cert --trust judge.pub --proof junk', 30, 'proof-malformed'],
    ['--cert e.cert --trust judge.pub --proof empty', 30, 'file-empty'],
  ],
};

for (const [name, asked] of Object.entries(questions)) {
  test(name, async () => {
    const wrong: string[] = [];
    for (const [flags, exit, code] of asked) {
      const [ours, theirs] = await Promise.all([
        run(process.execPath, CLI, flags),
        run(OMEGA, 'verify', flags),
      ]);
      try {
        assert.deepEqual(ours, theirs);
        assert.deepEqual([ours.exit, JSON.parse(ours.said).code], [exit, code]);
      } catch (error) {
        wrong.push(`${flags}\n${(error as Error).message}`);
      }
    }
    assert.equal(wrong.length, 0, wrong.join('\n\n'));
  });
}

test('a wrong command line ends with 2 and an object', async () => {
  for (const flags of [
    '',
    '--cert 1.cert --cert-log cert.log',
    '--nonsense',
    '--cert',
    `${FIRST} --head no-hash`,
  ]) {
    const [ours, theirs] = await Promise.all([
      run(process.execPath, CLI, flags),
      run(OMEGA, 'verify', flags),
    ]);
    const { outcome, exit, code, number } = JSON.parse(theirs.said);
    assert.equal(exit, 2);
    assert.deepEqual({ exit: ours.exit, ...pick(ours.said) }, { exit, outcome, code, number }, flags);
  }
});

test('a log from standard input is judged whole', async () => {
  const ours = await run(process.execPath, CLI, `${FIRST} --input - --input a.2.omega`, read('a.1.omega'));
  assert.equal(ours.exit, 0, ours.told);
  assert.match(ours.told, /judged again: 300 events in 2 logs/);
});

function pick(said: string) {
  const { outcome, code, number } = JSON.parse(said);
  return { outcome, code, number };
}

function omega(flags: string, exits = [0]): Record<string, unknown> {
  try {
    return JSON.parse(
      execFileSync(OMEGA, flags.split(' '), { cwd: folder, stdio: 'pipe', encoding: 'utf8' }),
    );
  } catch (error) {
    const { status, stdout } = error as { status: number; stdout: string };
    if (!exits.includes(status)) throw error;
    return JSON.parse(stdout);
  }
}

function batch(number: number, logs: string[], more: string): void {
  omega(`reconcile ${inputs(logs)} --batch-id ${number} ${more} --output ${number}.result`);
  certify(`${number}.result`, 'cert.log', `${number}.cert`);
}

function certify(result: string, log: string, output: string, more = '--threshold 1'): void {
  const flags = `--result ${result} --key judge.key --cert-log ${log} --output ${output} --origin test`;
  omega(`certify ${flags} ${number(result) > 1 ? '' : more}`.trim());
}

function number(result: string): number {
  return Number.parseInt(result, 10) || 1;
}

function conflicting(kind: string): string[] {
  return kind === 'overlap-agreement' ? [`${kind}.omega`, `${kind}.second.omega`] : [`${kind}.omega`];
}

function inputs(logs: string[]): string {
  return logs.map((log) => `--input ${log}`).join(' ');
}

function key(name: string): string {
  const { facts } = omega(`explain --json --input ${name}.pub`);
  return (facts as { public_key: string }).public_key;
}

interface Answered {
  exit: number | null;
  said: string;
  told: string;
}

function run(program: string, first: string, flags: string, input?: Uint8Array): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const words = flags.split(' ').filter((word) => word !== '');
    const child = spawn(program, [first, ...words], { cwd: folder });
    const streams = [child.stdout, child.stderr].map(async (stream) => {
      let text = '';
      for await (const piece of stream.setEncoding('utf8')) text += piece;
      return text;
    });
    child.stdin.end(input);
    child.on('error', reject);
    child.on('close', async (exit) => {
      const [said = '', told = ''] = await Promise.all(streams);
      resolve({ exit, said, told });
    });
  });
}

function read(name: string): Buffer {
  return readFileSync(join(folder, name));
}

function write(name: string, bytes: Uint8Array): void {
  writeFileSync(join(folder, name), bytes);
}

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[at] = (copy[at] as number) ^ 1;
  return copy;
}

function concat(bytes: Uint8Array, more: number[]): Uint8Array {
  return Uint8Array.from([...bytes, ...more]);
}
