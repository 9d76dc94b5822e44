/**
 * A chain across two swaps and a rollback, as a node makes it: verified by the command, by the package in Node,
 * by the verify page and, point by point, by the command centre; each verdict judged by the kernel that it names.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Verification, verify } from '../src/index.js';
import { KERNEL } from './support/fixtures.js';
import { holds, NodeDesk, type Sent, verifyPoint } from './support/node.js';
import { answered, Desk, type Printed, remove, sameAsCommand, text } from './support/page.js';
import { benign, hashOf } from './support/variant.js';

const desk = new NodeDesk();
/** Where the evidence lies, and the verify page. */
const evidence = new Desk();
const SECOND = benign('second');
const THIRD = benign('third');
/** Logs of the verdicts, as files. */
const logs: string[] = [];
/** Heights of what changes the checker, and the kernel from there on. */
const changes: [height: number, kernel: string][] = [];
let newest = 0;

before(async () => {
  await desk.start();
  await evidence.start();
  const { ask } = await desk.agree();
  await some('before the first swap', ask);
  const second = await desk.add(SECOND);
  changes.push([await desk.swap(second), second]);
  await some('under the second kernel', ask);
  const third = await desk.add(THIRD);
  changes.push([await desk.swap(third), third]);
  await some('under the third', ask);
  changes.push([Number((await desk.operate<{ height: string }>('/api/kernels/rollback')).height), second]);
  newest = await some('after the rollback', ask);

  evidence.write('cert.log', await desk.bytes('/api/cert.log'));
  evidence.write('node.pub', readFileSync(join(desk.folder, 'node.pub')));
  for (const [name, bytes] of Object.entries({
    'first.wasm': KERNEL,
    'second.wasm': SECOND,
    'third.wasm': THIRD,
  }))
    evidence.write(name, bytes);
  for (let height = 1; height <= newest; height++) {
    const one = await desk.get<{ logs: unknown[] }>(`/api/certificates/${height}`);
    for (const place of one.logs.keys()) {
      logs.push(`${height}-${place}.omega`);
      evidence.write(
        `${height}-${place}.omega`,
        await desk.bytes(`/api/certificates/${height}/logs/${place}`),
      );
    }
  }
});
after(() => Promise.all([desk.close(), evidence.close()]));

/** A batch that builds on what was accepted, and one that conflicts with it; height of the second. */
async function some(words: string, accepted: Sent): Promise<number> {
  await desk.send('carol', desk.event(words, { deps: [accepted.id] }));
  const { certified } = await desk.send('mallory', { ...accepted, payload: words });
  return Number(certified?.height);
}

/** The command about the whole chain, with these kernels beside the one that is built in. */
function command(...kernels: string[]): Printed {
  const given = kernels.flatMap((kernel) => ['--kernel', kernel]);
  const inputs = logs.flatMap((log) => ['--input', log]);
  return evidence.omega('verify', '--cert-log', 'cert.log', '--trust', 'node.pub', ...given, ...inputs);
}

/** The package about the same. */
function inNode(...kernels: string[]): Promise<Verification> {
  return verify({
    certificates: evidence.path('cert.log'),
    trust: { keys: [{ input: evidence.path('node.pub') }] },
    logs: logs.map((log) => evidence.path(log)),
    kernel: ['first.wasm', ...kernels].map((kernel) => evidence.path(kernel)),
  });
}

/** What a verification came to, check by check; where it ran is not in it. */
function outcome({ exit, code, checks }: Pick<Printed, 'exit' | 'code' | 'checks'>) {
  return { exit, code, checks: (checks ?? []).map(({ check, status }) => [check, status]) };
}

test('the node swapped twice and went back once, and the chain says so', async () => {
  const { certificates } = await desk.get<{
    certificates: { height: string; cert_type: string; kernel_hash: string; verdict: string | null }[];
  }>('/api/certificates?from=0&limit=1000');
  const swaps = certificates.filter(({ cert_type }) => cert_type === 'swap');
  assert.deepEqual(
    swaps.map(({ height }) => Number(height)),
    changes.map(([height]) => height),
  );
  const hashes = [hashOf(KERNEL), hashOf(SECOND), hashOf(THIRD)];
  const named = (from: number, to: number) => [
    ...new Set(
      certificates
        .filter(({ verdict, height }) => verdict && Number(height) > from && Number(height) < to)
        .map(({ kernel_hash }) => hashes.indexOf(kernel_hash)),
    ),
  ];
  const [one, two, three] = changes.map(([height]) => height) as [number, number, number];
  assert.deepEqual(
    [named(0, one), named(one, two), named(two, three), named(three, newest + 1)],
    [[0], [1], [2], [1]],
  );
  // Each kernel has judged an agreement and a conflict.
  const verdicts = certificates.map(
    ({ verdict, kernel_hash }) => `${verdict} ${hashes.indexOf(kernel_hash)}`,
  );
  for (const kernel of hashes.keys()) {
    for (const verdict of ['merge', 'obstruction'])
      assert(verdicts.includes(`${verdict} ${kernel}`), verdict);
  }
});

test('in the command: with every kernel right, and not checked where one is not at hand', () => {
  const whole = command('second.wasm', 'third.wasm');
  assert.equal(whole.outcome, 'verified', whole.message);
  for (const kernels of [[], ['second.wasm'], ['third.wasm']]) {
    const lacks = command(...kernels);
    assert.deepEqual([lacks.exit, lacks.code], [30, 'kernel-unknown'], kernels.join());
  }
});

test('in Node: the same, check by check', async () => {
  const whole = await inNode('second.wasm', 'third.wasm');
  assert.equal(whole.outcome, 'verified', whole.text);
  const judged = whole.checks.find(({ check, status }) => check === 'logs' && status === 'passed');
  assert.match(
    String(judged?.detail),
    new RegExp(`^${newest - changes.length} certificates; .* to the bit$`),
  );
  assert.deepEqual(outcome(whole), outcome(command('second.wasm', 'third.wasm')));
  for (const kernels of [[], ['second.wasm'], ['third.wasm']]) {
    assert.deepEqual(outcome(await inNode(...kernels)), outcome(command(...kernels)), kernels.join());
  }
  // Another kernel of the same rules is no substitute for the one that is named.
  evidence.write('fourth.wasm', benign('fourth'));
  const other = await inNode('second.wasm', 'fourth.wasm');
  assert.deepEqual([other.exit, other.code], [30, 'kernel-unknown'], other.text);
});

test('in Chromium, on the verify page', async () => {
  const { page, asked, errors } = await evidence.open();
  await evidence.choose(page, 'cert.log', 'node.pub', 'second.wasm', 'third.wasm', ...logs);
  assert.equal(await answered(page), 'Right', await text(page, '#answer'));
  await sameAsCommand(evidence, page);
  const links = await text(page, '.chain > li summary');
  for (const [height] of changes) assert.match(links, new RegExp(`Height ${height}the checker changes`));
  await remove(page, 'third.wasm');
  assert.equal(await answered(page), 'Could not check');
  assert.equal((await sameAsCommand(evidence, page)).code, 'kernel-unknown');
  await evidence.choose(page, 'third.wasm');
  assert.equal(await answered(page), 'Right');
  assert.deepEqual(
    asked.filter((url) => !/^(file|blob|data):/.test(url)),
    [],
  );
  assert.deepEqual(errors, []);
  await page.context().close();
});

test('in Chromium, in the command centre: points before, at, between and after the swaps', async () => {
  const { page, errors } = await desk.open();
  await page.fill('#key', readFileSync(join(desk.folder, 'node.pub'), 'utf8').trim());
  const [one, two, three] = changes.map(([height]) => height) as [number, number, number];
  // There and back: the state goes on from one kernel to the next, and is begun anew where it is behind.
  for (const height of [1, one - 1, one, one + 1, two, two + 1, three, three + 1, newest, two + 2, one - 2]) {
    await page.fill('#go-height', String(height));
    await page.keyboard.press('Enter');
    await holds(page, '#point .lead', `Height ${height} `);
    assert.equal(await verifyPoint(page), 'Right', `${height}: ${await text(page, '#point-answer')}`);
    const kernel = [...changes].reverse().find(([from]) => from < height)?.[1] ?? hashOf(KERNEL);
    if (!changes.some(([at]) => at === height)) {
      assert.match(await text(page, '#point .hash'), new RegExp(kernel), String(height));
      assert.match(await text(page, '#point-answer .checks'), /judged again: 1 event in 1 log, same verdict/);
    }
  }
  for (const [height] of changes) {
    await page.waitForSelector(`.track .tick.swap.verified[data-height="${height}"]`);
  }
  assert.deepEqual(errors, []);
  await page.context().close();
});
