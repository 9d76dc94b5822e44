/** `verify()`: whatever bytes come as, one answer; and no kernel is compiled that no certificate names. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { type Evidence, LIMITS, verify } from '../src/index.js';
import { verified } from '../src/verifying.js';
import { KERNEL } from './support/fixtures.js';
import { OMEGA } from './support/omega.js';

const folder = mkdtempSync(join(tmpdir(), 'omega-verify-'));
const at = (name: string) => join(folder, name);
const read = (name: string) => new Uint8Array(readFileSync(at(name)));
const logs = () => [at('a.1.omega'), at('a.2.omega')];
let key: string;

before(() => {
  const omega = (flags: string) =>
    execFileSync(OMEGA, flags.split(' '), { cwd: folder, stdio: 'pipe', encoding: 'utf8' });
  omega('keygen --output judge.key');
  key = JSON.parse(omega('explain --json --input judge.pub')).facts.public_key;
  omega('generate-events --output a.omega --count 20000 --payload 512 --nodes 2 --split-by node');
  omega('reconcile --input a.1.omega --input a.2.omega --output a.result');
  omega('certify --result a.result --key judge.key --output a.cert');
});
after(() => rmSync(folder, { recursive: true }));

test('bytes as whatever they come: the same answer', async () => {
  const blob = (name: string) => new Blob([read(name)]);
  const file = (name: string) => new File([read(name)], name);
  const cert = at('a.cert');
  const trust = { keys: [key] };
  const whole = await verify({ certificates: cert, logs: logs(), trust });
  assert.equal(whole.outcome, 'verified', whole.text);
  assert.deepEqual([whole.exit, whole.code, whole.report.verdict], [0, null, 'merge']);
  const judged = whole.checks.find(({ check }) => check === 'logs');
  assert.deepEqual(judged?.status, 'passed');
  assert.match(String(judged?.detail), /judged again: 20000 events in 2 logs/);
  assert(whole.notShown.length > 0);

  const forms: Record<string, Evidence> = {
    paths: { certificates: pathToFileURL(cert), logs: logs(), trust: { keys: [{ input: at('judge.pub') }] } },
    bytes: { certificates: read('a.cert'), logs: [read('a.1.omega'), read('a.2.omega').buffer], trust },
    blobs: {
      certificates: blob('a.cert'),
      logs: [blob('a.1.omega'), file('a.2.omega')],
      kernel: KERNEL,
      trust,
    },
    streams: {
      certificates: blob('a.cert').stream(),
      logs: [blob('a.1.omega').stream(), { input: blob('a.2.omega').stream(), name: 'two' }],
      kernel: new Blob([KERNEL]).stream(),
      trust: { policyText: `signers = ["${key}"]\n` },
    },
  };
  for (const [name, evidence] of Object.entries(forms)) {
    const { report, text } = await verify(evidence);
    assert.equal(report.outcome, 'verified', `${name}: ${text}`);
    const same = (report: object) => ({ ...report, checks: undefined });
    assert.deepEqual(same(report), same(whole.report), name);
  }
});

test('what the first bytes tell: a log of certificates', async () => {
  const { report } = await verify({
    certificates: read('cert.log'),
    certificateHash: read('cert.hash'),
    trust: { anySigner: true },
    head: { input: read('a.cert') },
  });
  assert.deepEqual([report.outcome, report.certificates?.length], ['verified', 2]);
  const other = await verify({ certificates: read('cert.log'), kind: 'certificate' });
  assert.deepEqual([other.exit, other.code], [30, 'certificate-malformed']);
});

test('a kernel with one byte changed is refused before anything of it is compiled', async () => {
  const changed = KERNEL.slice();
  changed[200_000] = (changed[200_000] as number) ^ 1;
  const loader = await WebAssembly.compile(readFileSync('build/loader.wasm'));
  const ask = (kernel: Uint8Array) =>
    verified(
      {
        loader,
        certificates: { input: read('a.cert') },
        kind: undefined,
        certificateHash: undefined,
        logs: logs().map((input) => ({ input })),
        kernels: [{ input: kernel }],
        policy: undefined,
        trust: [key],
        anySigner: false,
        proof: undefined,
        snapshot: undefined,
        head: undefined,
      },
      {
        limits: LIMITS,
        watch: { enter: () => {}, leave: () => {}, renew: () => {} },
        progress: () => {},
      },
    );
  const seen: string[] = [];
  const restore = spy(seen);
  try {
    const refused = await ask(changed);
    assert.deepEqual([refused.exit, refused.report.code], [30, 'kernel-unknown'], refused.text);
    assert.equal(seen.length, 0, seen.join());
    // The same with the kernel that is named: then it is seen.
    const right = await ask(KERNEL);
    assert.equal(right.report.outcome, 'verified', right.text);
    assert(seen.includes('compile') && seen.includes('instantiate'), seen.join());
  } finally {
    restore();
  }
  const inWorker = await verify({
    certificates: at('a.cert'),
    logs: logs(),
    kernel: changed,
    trust: { keys: [key] },
  });
  assert.deepEqual([inWorker.exit, inWorker.code], [30, 'kernel-unknown']);
});

test('cancelled in the middle, and before it began', async () => {
  const reason = new Error('enough');
  for (const input of [at('a.1.omega'), new Blob([read('a.1.omega')]).stream()]) {
    const controller = new AbortController();
    let heard = 0;
    const work = verify({
      certificates: at('a.cert'),
      logs: [input, at('a.2.omega')],
      trust: { keys: [key] },
      signal: controller.signal,
      onProgress: (bytes) => {
        heard = bytes;
        controller.abort(reason);
      },
    });
    await assert.rejects(work, { code: 'interrupted', cause: reason });
    assert(heard > 0 && heard < 2 * read('a.omega').length, `${heard} bytes`);
  }
  const before = verify({ certificates: at('a.cert'), signal: AbortSignal.abort(reason) });
  await assert.rejects(before, { code: 'interrupted', cause: reason });
});

test('progress comes to the size of the logs, which are read once', async () => {
  const sizes = ['a.1.omega', 'a.2.omega'].map((name) => read(name).length);
  const blobs = ['a.1.omega', 'a.2.omega'].map((name) => new Blob([read(name)]));
  for (const given of [logs(), blobs]) {
    const heard: number[] = [];
    const trust = { keys: [key] };
    const onProgress = (bytes: number) => heard.push(bytes);
    const answer = await verify({ certificates: at('a.cert'), logs: given, trust, onProgress });
    assert.equal(answer.outcome, 'verified', answer.text);
    assert.equal(heard.at(-1), Number(sizes[0]) + Number(sizes[1]));
    assert.deepEqual(
      heard,
      [...new Set(heard)].sort((a, b) => a - b),
    );
  }
});

test('a stream that is left is cancelled', async () => {
  let cancelled = false;
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(65_536)),
    cancel: () => {
      cancelled = true;
    },
  });
  const answer = await verify({ certificates: at('a.cert'), logs: [endless], trust: { keys: [key] } });
  assert.deepEqual([answer.exit, answer.code], [30, 'not-an-omega-log']);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert(cancelled);
  const certificates = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(1 << 20)),
  });
  assert.equal((await verify({ certificates })).code, 'file-unreadable');
});

/** Header, messages one after the other: length, checksum, message (schemas/log.md). */
const HEADER_BYTES = 128;
const FRAME_BYTES = 8;

/** A log, then one piece of it again and again. */
function endless(start: Uint8Array, again: Uint8Array, cancelled: () => void): ReadableStream<Uint8Array> {
  const copies = Math.ceil(65_536 / again.length);
  const piece = new Uint8Array(copies * again.length);
  for (let copy = 0; copy < copies; copy++) piece.set(again, copy * again.length);
  return new ReadableStream({
    start: (controller) => controller.enqueue(start),
    pull: (controller) => controller.enqueue(piece.slice()),
    cancel: cancelled,
  });
}

test('a stream of valid frames that never ends is left: of events, of heads, before and behind what was judged', async () => {
  const omega = (flags: string) => execFileSync(OMEGA, flags.split(' '), { cwd: folder, stdio: 'pipe' });
  for (const text of ['one', 'two']) omega(`append --log h.omega --node 1 --key judge.key --payload ${text}`);
  omega('reconcile --input h.omega --output h.result');
  omega('certify --result h.result --key judge.key --cert-log h.log --output h.cert');
  const log = read('h.omega');
  const starts = [HEADER_BYTES];
  for (let at = HEADER_BYTES; at < log.length; starts.push(at))
    at += FRAME_BYTES + new DataView(log.buffer, log.byteOffset).getUint32(at, true);
  const [first = 0, second = 0] = starts;
  const last = starts.at(-2);
  const head = log.subarray(last);
  const event = log.subarray(first, second);

  const trust = { keys: [key] };
  const whole = await verify({ certificates: at('h.cert'), logs: [at('h.omega')], trust });
  assert.equal(whole.outcome, 'verified', whole.text);
  let cancelled = 0;
  for (const [start, again, says] of [
    [log, event, /more than the 2 events/],
    [log, head, /behind 2 events the stream goes on for 16 MiB/],
    [log.subarray(0, first), head, /behind 0 events the stream goes on for 16 MiB/],
  ] as const) {
    const logs = [endless(start, again, () => cancelled++)];
    const answer = await verify({ certificates: at('h.cert'), logs, trust });
    assert.deepEqual([answer.exit, answer.code], [30, 'log-grown'], answer.text);
    assert.match(answer.text, says);
  }
  for (let wait = 0; cancelled < 3 && wait < 100; wait++)
    await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(cancelled, 3);
});

test('a stream that nobody reads is cancelled, and keeps nobody from ending', async () => {
  let cancelled = 0;
  const unread = () =>
    new ReadableStream<Uint8Array>({
      cancel: () => {
        cancelled += 1;
      },
    });
  const wrong = { certificates: unread(), logs: [5 as unknown as string] };
  assert.equal((await verify(wrong)).outcome, 'usage');
  const early = verify({ certificates: unread(), logs: [unread()], signal: AbortSignal.abort() });
  await assert.rejects(early, { code: 'interrupted' });
  assert.equal(cancelled, 3);
});

test('what keeps it from being checked is an answer too', async () => {
  const limits = { ...LIMITS, baseMilliseconds: 0, bytesPerSecond: 2 ** 40 };
  const late = await verify({ certificates: at('a.cert'), logs: logs(), trust: { keys: [key] }, limits });
  assert.deepEqual([late.exit, late.code], [30, 'kernel-deadline']);
  assert.match(late.text, /^could-not-check: /);
  const wrong = await verify({ certificates: 5 as unknown as string });
  assert.deepEqual([wrong.exit, wrong.outcome, wrong.checks], [2, 'usage', []]);
  const nobody = await verify({ certificates: at('a.cert'), trust: { anySigner: false as true } });
  assert.deepEqual([nobody.exit, nobody.code], [30, 'signer-untrusted']);
  const broken = new ReadableStream({ pull: () => Promise.reject(new Error('gone')) });
  const gone = await verify({ certificates: at('a.cert'), logs: [broken], trust: { keys: [key] } });
  assert.deepEqual([gone.exit, gone.code], [30, 'file-unreadable']);
  const same = new Blob([read('a.1.omega')]).stream();
  const twice = await verify({ certificates: at('a.cert'), logs: [same, same], trust: { keys: [key] } });
  assert.notEqual(twice.exit, 0, twice.text);
});

/** Notes every call that could compile something. */
function spy(seen: string[]): () => void {
  const real = { ...WebAssembly, ...Object.fromEntries(NAMES.map((name) => [name, WebAssembly[name]])) };
  for (const name of NAMES) {
    const note = () => seen.push(name);
    const watched = new Proxy(real[name] as (...given: unknown[]) => unknown, {
      apply: (target, self, given) => {
        note();
        return Reflect.apply(target, self, given);
      },
      construct: (target, given) => {
        note();
        return Reflect.construct(target, given);
      },
    });
    Object.defineProperty(WebAssembly, name, { value: watched, configurable: true, writable: true });
  }
  return () => {
    for (const name of NAMES) {
      Object.defineProperty(WebAssembly, name, { value: real[name], configurable: true, writable: true });
    }
  };
}

const NAMES = ['compile', 'instantiate', 'Module', 'validate'] as const;
