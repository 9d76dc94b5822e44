/** Work in a worker: whatever a kernel does, it ends, and the next task is done. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { Failure } from '../src/failure.js';
import { Isolate } from '../src/isolate.js';
import { LIMITS } from '../src/meter.js';
import { dice, KERNEL, log, REPOSITORY } from './support/fixtures.js';
import { FOREVER, hostile, withMainModule } from './support/hostile.js';

const logs = () => [{ input: log('accept/deps'), name: 'a.omega' }];
const short = { ...LIMITS, baseMilliseconds: 300, bytesPerSecond: 2 ** 30 };

test('one worker, many tasks', async () => {
  const isolate = new Isolate();
  assert.equal((await isolate.describe(KERNEL)).checkerVersion, 1);
  const heard: number[] = [];
  const judged = await isolate.judge(
    { kernel: KERNEL, logs: logs() },
    { onProgress: (bytes) => heard.push(bytes) },
  );
  assert(judged.merged && judged.body.length > 0 && judged.state.length === 84);
  assert.deepEqual(heard, [log('accept/deps').length]);
  const path = `${REPOSITORY}/tests/vectors/reject/1001-equal/1-1.omega`;
  const conflict = await isolate.judge({ kernel: 'build/kernel.wasm', logs: [{ input: path }] });
  assert.equal(conflict.merged, false);
  await assert.rejects(isolate.judge({ kernel: KERNEL, logs: [{ input: 'package.json' }] }), {
    code: 'not-an-omega-log',
    file: 'package.json',
    log: 0,
    offset: 0n,
  });
  await assert.rejects(isolate.rejudge({ kernel: KERNEL, certificate: new Uint8Array(9) }), {
    code: 'certificate-malformed',
  });
  await assert.rejects(isolate.describe('no-such-kernel.wasm'), { code: 'file-not-found' });
  isolate.close();
});

test('a batch from a stream, and from a stream that breaks', async () => {
  const isolate = new Isolate();
  const bytes = log('accept/deps');
  const whole = new Blob([bytes]).stream();
  assert((await isolate.judge({ kernel: KERNEL, logs: [{ input: whole }] })).merged);
  const broken = new ReadableStream({
    start: (controller) => controller.enqueue(bytes.slice(0, 200)),
    pull: () => Promise.reject(new Error('gone')),
  });
  await assert.rejects(isolate.judge({ kernel: KERNEL, logs: [{ input: broken, name: 'b' }] }), {
    code: 'file-unreadable',
    file: 'b',
  });
  assert((await isolate.judge({ kernel: KERNEL, logs: logs() })).merged);
  isolate.close();
});

test('files and streams are let go, read or not', async () => {
  const isolate = new Isolate();
  await isolate.describe('build/kernel.wasm');
  const open = () => readdirSync('/proc/self/fd').length;
  const before = open();
  const path = `${REPOSITORY}/tests/vectors/accept/empty-log/1-1.omega`;
  const many = Array.from({ length: 2000 }, () => ({ input: path }));
  assert((await isolate.judge({ kernel: 'build/kernel.wasm', logs: many })).merged);
  assert(open() <= before, `${open()} files are open, and ${before} were`);

  let cancelled = 0;
  const endless = () =>
    new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(65_536)),
      cancel: () => {
        cancelled += 1;
      },
    });
  // Each is damaged from its first piece on, and read no further.
  const both = { kernel: KERNEL, logs: [{ input: endless() }, { input: endless() }] };
  await assert.rejects(isolate.judge(both), { code: 'not-an-omega-log', log: 0 });
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(cancelled, 2);
  isolate.close();
});

test('a kernel that does not return is cut off, wherever it runs', async () => {
  const isolate = new Isolate({ limits: short });
  for (const kernel of [
    hostile({ 'session.feed': [...FOREVER, 0x00] }),
    hostile({ 'session.begin-batch': FOREVER.concat(0) }),
    hostile({ '[constructor]session': FOREVER.concat(0) }),
    hostile({}, { start: FOREVER.slice(0, -1) }),
  ]) {
    const begun = performance.now();
    await assert.rejects(isolate.judge({ kernel, logs: logs() }), {
      code: 'kernel-deadline',
      number: 30_925,
    });
    const took = performance.now() - begun;
    assert(took > 250 && took < 5000, `${took} ms`);
  }
  assert((await isolate.judge({ kernel: KERNEL, logs: logs() })).merged, 'the next task is done');
  isolate.close();
});

test('whoever gives up is heard at once', async () => {
  const isolate = new Isolate();
  const kernel = hostile({ 'session.feed': [...FOREVER, 0x00] });
  const reason = new Error('enough');
  const signal = () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(reason), 200);
    return controller.signal;
  };
  const failure = await isolate
    .judge({ kernel, logs: logs() }, { signal: signal() })
    .catch((error: unknown) => error);
  assert(failure instanceof Failure);
  assert.deepEqual([failure.code, failure.cause], ['interrupted', reason]);
  await assert.rejects(isolate.describe(KERNEL, { signal: AbortSignal.abort() }), { code: 'interrupted' });

  // Also while it waits for a log that never ends.
  const endless = new ReadableStream<Uint8Array>({ pull: () => new Promise(() => {}) });
  await assert.rejects(isolate.judge({ kernel: KERNEL, logs: [{ input: endless }] }, { signal: signal() }), {
    code: 'interrupted',
  });
  const open = isolate.judge({ kernel, logs: logs() });
  await assert.rejects(isolate.describe(KERNEL), { code: 'usage', message: /at work/ });
  isolate.close();
  await assert.rejects(open, { code: 'interrupted' });
});

test('time is counted inside the kernel alone: a slow log is no slow kernel', async () => {
  const isolate = new Isolate({ limits: short });
  const bytes = log('accept/deps');
  let at = 0;
  const slow = new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      await new Promise((resolve) => setTimeout(resolve, 400));
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(at, at + 300));
      at += 300;
    },
  });
  assert((await isolate.judge({ kernel: KERNEL, logs: [{ input: slow }] })).merged);
  isolate.close();
});

test('kernels with changed code: a result or a code, each within its time', async () => {
  const roll = dice(3);
  const isolate = new Isolate({ limits: { ...short, baseMilliseconds: 2000 } });
  const ends = new Map<string, number>();
  for (let nth = 0; nth < 60; nth += 1) {
    const kernel = KERNEL.slice();
    // The first section is the main module; its code is in the middle of it.
    for (let flips = 0; flips < 1 + roll(40); flips += 1) {
      const at = 40_000 + roll(500_000);
      kernel[at] = (kernel[at] as number) ^ (1 << roll(8));
    }
    const end = await isolate.judge({ kernel, logs: logs() }).then(
      ({ merged }) => (merged ? 'agree' : 'conflict'),
      (error: unknown) => {
        assert(error instanceof Failure && [20, 30].includes(error.exit), String(error));
        return error.code;
      },
    );
    ends.set(end, (ends.get(end) ?? 0) + 1);
  }
  assert(ends.size > 1 && ends.has('agree'), JSON.stringify([...ends]));
  isolate.close();
});

test('a file that is no kernel, in the worker', async () => {
  const isolate = new Isolate();
  await assert.rejects(isolate.describe(new Uint8Array(0)), { code: 'file-empty' });
  await assert.rejects(isolate.describe(new Uint8Array(99)), { code: 'kernel-invalid' });
  await assert.rejects(isolate.describe(withMainModule(new Uint8Array(9))), { code: 'kernel-invalid' });
  await assert.rejects(isolate.describe(new Blob([new Uint8Array(17 << 20)])), { code: 'file-unreadable' });
  isolate.close();
});
