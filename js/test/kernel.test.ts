/** The driver: every vector of the tree, states that go on, and kernels that mean no good. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { blake3 } from '@noble/hashes/blake3.js';
import { type Code, Failure } from '../src/failure.js';
import { judge } from '../src/judge.js';
import { Kernel, type Session } from '../src/kernel.js';
import { LIMITS } from '../src/meter.js';
import { open } from '../src/sources.js';
import { type Answer, KERNEL, log, vectors } from './support/fixtures.js';
import {
  type Bodies,
  constant,
  DESCRIBE,
  type Extras,
  grow,
  hostile,
  UNREACHABLE,
} from './support/hostile.js';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** The answer to one batch, as far as a vector states it and this layer knows it. */
async function answer(session: Session, logs: Uint8Array[]): Promise<Answer> {
  const sources = await Promise.all(logs.map(async (bytes) => ({ source: await open(bytes) })));
  try {
    const { merged, body } = await judge(session, sources);
    return { outcome: merged ? 'merge' : 'conflict', body_blake3: hex(blake3(body)) };
  } catch (error) {
    assert(error instanceof Failure, String(error));
    const { code, number, log, offset } = error;
    return {
      outcome: 'fault',
      code,
      number,
      log: log ?? null,
      offset: offset === undefined ? null : Number(offset),
    };
  }
}

test('every vector of the tree', async () => {
  const kernel = await Kernel.compile(KERNEL);
  const { vectors: all, elsewhere } = vectors();
  assert(all.length > 100, `${all.length} vectors, ${elsewhere} more are made by recipes`);
  for (const vector of all) {
    const session = await kernel.session();
    let last: Answer | undefined;
    for (const batch of vector.batches) last = await answer(session, batch);
    const stated = Object.fromEntries(
      Object.keys(last ?? {}).map((key) => [key, vector.answer[key as keyof Answer]]),
    );
    assert.deepEqual(last, stated, vector.name);
    session.dispose();
  }
});

test('a state goes on through a snapshot, in pieces of any size', async () => {
  const kernel = await Kernel.compile(KERNEL);
  const twoBatches = vectors().vectors.filter(({ batches }) => batches.length === 2);
  assert(twoBatches.length > 5);
  for (const { batches, name } of twoBatches) {
    const [first = [], second = []] = batches;
    const session = await kernel.session();
    await answer(session, first);
    const position = { chainId: new Uint8Array(32).fill(7), height: 2n ** 63n };
    const snapshot = Buffer.concat([...session.snapshot(position)]);
    const pieces = Array.from({ length: Math.ceil(snapshot.length / 33) }, (_, nth) =>
      snapshot.subarray(nth * 33, nth * 33 + 33),
    );
    const [restored, named] = await kernel.restore(pieces);
    assert.deepEqual(named, position);
    assert.deepEqual(restored.state(), session.state(), name);
    assert.deepEqual(await answer(restored, second), await answer(session, second), name);
    assert.deepEqual(restored.state(), session.state(), name);
  }
  await assert.rejects(kernel.restore([Uint8Array.of(1, 2, 3)]), { code: 'snapshot-malformed' });
});

test('a limit judges a log at the length that it had', async () => {
  const kernel = await Kernel.compile(KERNEL);
  const session = await kernel.session();
  const source = await open(log('accept/deps'));
  const verdict = await judge(session, [{ source, limit: 2n }]);
  assert.deepEqual([verdict.merged, verdict.logs[0]?.events], [true, 2n]);
});

test('wrong use is a failure, and the session goes on', async () => {
  const kernel = await Kernel.compile(KERNEL);
  const session = await kernel.session();
  assert.throws(() => session.finish(), { code: 'session-misused', number: 30_601 });
  session.beginBatch([undefined]);
  assert.throws(() => session.beginBatch([undefined]), { code: 'session-misused' });
  assert.throws(() => session.feed(7, new Uint8Array(1)), { code: 'session-misused' });
  session.abort();
  assert.equal((await answer(session, [log('accept/deps')])).outcome, 'merge');
  session.dispose();
  session.dispose();
});

test('certificates that are none', async () => {
  const kernel = await Kernel.compile(KERNEL);
  for (const bytes of [new Uint8Array(0), new Uint8Array(1000), new Uint8Array(8).fill(255)]) {
    await assert.rejects(kernel.decode(bytes), { code: 'certificate-malformed' });
    await assert.rejects(kernel.rejudge(bytes), { code: 'certificate-malformed' });
    await assert.rejects(kernel.checkProof(bytes, bytes), { exit: 30 });
  }
});

/** What a session with a hostile kernel ends with; and that it is not entered again. */
async function ends(bodies: Bodies, code: Code, says: RegExp, extras: Extras = {}): Promise<void> {
  const kernel = await Kernel.compile(hostile(bodies, { pages: 2, ...extras }));
  const use = async () => {
    const session = await kernel.session();
    const failure = await judge(session, [{ source: await open(log('accept/deps')) }]).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (failure === undefined) {
      session.state();
      session.dispose();
      return;
    }
    // Neither dropping nor asking again enters it.
    session.dispose();
    assert.throws(() => session.state(), failure as Error);
    throw failure;
  };
  await assert.rejects(use(), (error) => {
    assert(error instanceof Failure, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, says);
    return true;
  });
}

/** Memory at 8 is what functions return by default: `ok`, and everything zero. */
const store = (at: number, ...bytes: number[]) => ({ data: { at, bytes } });

test('kernels that trap', async () => {
  await ends({ 'session.feed': UNREACHABLE }, 'kernel-trapped', /unreachable/);
  await ends({ '[constructor]session': UNREACHABLE }, 'kernel-trapped', /unreachable/);
  await ends({ cabi_realloc: UNREACHABLE }, 'kernel-trapped', /unreachable/);
  await ends(
    { '[dtor]session': UNREACHABLE, 'session.state': constant(200) },
    'kernel-trapped',
    /unreachable/,
    {
      data: { at: 200, bytes: [100, 0, 0, 0, 84] },
    },
  );
  await ends({ cabi_realloc: constant(-1) }, 'kernel-output-invalid', /not what the contract says/);
  await ends({}, 'kernel-trapped', /unreachable/, { start: UNREACHABLE });
  // It calls itself until the stack ends.
  await ends({ 'session.feed': DESCRIBE, '0#describe': DESCRIBE }, 'kernel-trapped', /stack/);
});

test('kernels that return what no kernel may', async () => {
  await ends({ 'session.begin-batch': constant(-4) }, 'kernel-output-invalid', /contract/);
  await ends({}, 'kernel-output-invalid', /contract/, store(8, 7));
  // A fault with the number 0, and one with a number that is the host's.
  await ends({}, 'kernel-output-invalid', /unknown number 0/, store(8, 1));
  await ends(
    {},
    'kernel-output-invalid',
    /unknown number 30921/,
    store(8, 1, 0, 0, 0, 0, 0, 0, 0, 0xc9, 0x78),
  );
  // At 104: `ok`, not merged, and so many bytes of body; at 160: `ok`, and a list that is longer than memory.
  const finish = { 'session.finish': constant(104) };
  const verdict = (...size: number[]) => store(116, ...size);
  await ends(finish, 'kernel-output-invalid', /larger than a body may be/, verdict(255, 255, 255, 255));
  await ends(finish, 'kernel-output-invalid', /less than it announced/, verdict(5));
  const long = [5, ...new Array(51).fill(0), 0, 0, 0, 0, 255, 255, 255, 255];
  const read = { ...finish, 'session.read-body': constant(160) };
  await ends(read, 'kernel-output-invalid', /contract/, verdict(...long));
  const more = [5, ...new Array(51).fill(0), 0, 0, 0, 0, 6, 0, 0, 0];
  await ends(read, 'kernel-output-invalid', /more than was asked for/, verdict(...more));
  // As many logs as fit nowhere, and more than a batch may have.
  await ends(finish, 'kernel-output-invalid', /contract/, verdict(0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 15));
  await ends(finish, 'kernel-output-invalid', /larger than/, verdict(0, 0, 0, 0, 0, 0, 0, 0, 1, 16, 0, 0));
  await ends({}, 'kernel-output-invalid', /another shape/);
});

test('kernels that take too much memory', async () => {
  // 600 MiB, where 512 and a little are allowed.
  await ends(
    { 'session.feed': [...grow(9600), 0x1a, ...constant(8)] },
    'kernel-memory-limit',
    /60\d MiB.*may have 51\d/,
  );
  await ends({ 'session.feed': [...grow(9600), 0x1a, ...UNREACHABLE] }, 'kernel-memory-limit', /MiB/);
  // What the engine refuses is a trap or nothing, as the kernel likes.
  await ends({ 'session.feed': [...grow(65_535), 0x1a, ...UNREACHABLE] }, 'kernel-trapped', /unreachable/);
});

test('limits are counted by what went in', async () => {
  const limits = { ...LIMITS, memoryBytes: 2 ** 20, memoryPerInputByte: 0 };
  const kernel = await Kernel.compile(KERNEL, { limits }).catch((error: unknown) => error);
  assert.equal((kernel as Failure).code, 'kernel-memory-limit');
});
