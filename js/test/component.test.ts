/** Components that are none, or others, or damaged: each gets a failure with a code, and nothing runs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { joined } from '../src/bytes.js';
import { MAX_COMPONENT_BYTES, refuseOtherShape, takeApart } from '../src/component.js';
import { border } from '../src/core-module.js';
import { asFailure, type Code, Failure } from '../src/failure.js';
import { MODULES, SHAPE } from '../src/generated/shape.js';
import { Kernel } from '../src/kernel.js';
import { Malformed } from '../src/reader.js';
import { dice, KERNEL } from './support/fixtures.js';
import { hostile, leb, withMainModule } from './support/hostile.js';

const COMPONENT = [0, 97, 115, 109, 13, 0, 1, 0];
const MODULE = [0, 97, 115, 109, 1, 0, 0, 0];
const shape = Uint8Array.from(SHAPE, (character) => character.charCodeAt(0));

/** The code that compiling ends with; undefined where it succeeds. */
async function refusal(bytes: Uint8Array): Promise<{ code: Code; message: string } | undefined> {
  try {
    await Kernel.compile(bytes);
    return undefined;
  } catch (error) {
    assert(error instanceof Failure, `not a failure: ${String(error)}`);
    assert.equal(error.exit, 30);
    return error;
  }
}

async function refused(bytes: Iterable<number>, code: Code, says: RegExp): Promise<void> {
  const failure = await refusal(Uint8Array.from(bytes));
  assert.equal(failure?.code, code);
  assert.match(failure?.message ?? '', says);
}

test('the kernel comes apart into the very bytes of its modules, and has the shape', () => {
  const { modules, shape: found, wanted, exportsKernel } = takeApart(KERNEL);
  assert.deepEqual(found, shape);
  assert.equal(modules.length, MODULES.length);
  assert.equal(wanted, undefined);
  assert(exportsKernel);
  for (const module of modules) assert.equal(module.buffer, KERNEL.buffer, 'a view, no copy');
  assert(modules.every((module) => WebAssembly.validate(module as BufferSource)));
});

test('what is no component', async () => {
  await refused([], 'file-empty', /empty/);
  await refused(
    [...new TextEncoder().encode('hello, this is text')],
    'kernel-invalid',
    /no WebAssembly component/,
  );
  await refused(COMPONENT.slice(0, 7), 'kernel-invalid', /no WebAssembly component/);
  await refused(MODULE, 'kernel-invalid', /a WebAssembly module, and a component was expected/);
  await refused(COMPONENT, 'kernel-invalid', /does not export omega:kernel/);
  await refused(new Uint8Array(MAX_COMPONENT_BYTES + 1), 'kernel-invalid', /16777217 bytes.*16777216/);
});

test('sections that cannot be', async () => {
  const broken: [number[], RegExp][] = [
    [[1], /ends at byte/],
    [[1, 5, 0], /5 bytes are announced.*1 follow/],
    [[4, 0xff, 0xff, 0xff, 0xff, 0x0f], /4294967295 bytes are announced/],
    [[4, 0x80, 0x80, 0x80, 0x80, 0x10], /too large/],
    [[4, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00], /too large/],
    [[13, 0], /no section with the id 13/],
    [[255, 0], /no section with the id 255/],
    [[0, 0], /ends at byte/],
    [[0, 2, 5, 120], /5 bytes are announced/],
    [[0, 2, 1, 0xff], /no UTF-8/],
    [[10, 1, 3], /3 entries are announced/],
  ];
  for (const [section, says] of broken) await refused([...COMPONENT, ...section], 'kernel-invalid', says);
});

test('a component that wants something, and one that is wired in another way', async () => {
  const wants = [10, 6, 1, 0, 1, 0x66, 1, 0];
  await refused([...COMPONENT, ...wants], 'kernel-invalid', /it wants f, and a kernel may want nothing/);
  await refused([...KERNEL, ...wants], 'kernel-invalid', /it wants f/);
  // One core module, one nested component, one empty section of types more than there should be.
  for (const more of [
    [1, 8, ...MODULE],
    [4, 8, ...COMPONENT],
    [7, 1, 0],
  ]) {
    await refused([...KERNEL, ...more], 'kernel-unknown', /wired in a way/);
  }
});

test('a custom section more is another kernel of the same shape, and runs', async () => {
  const kernel = await Kernel.compile(Uint8Array.from([...KERNEL, 0, 2, 1, 120]));
  assert.equal((await kernel.describe()).checkerVersion, 1);
});

test('lengths may be written in more bytes than they take', async () => {
  assert.deepEqual(
    takeApart(Uint8Array.from([...COMPONENT, 7, 0x81, 0x80, 0x00, 0])).shape,
    Uint8Array.of(7, 1, 0, 0, 0, 0),
  );
});

test('each byte of the shape counts', () => {
  const { modules } = takeApart(KERNEL);
  for (let at = 0; at < shape.length; at += 1) {
    const other = shape.slice();
    other[at] = (other[at] as number) ^ 1;
    const parts = { modules, shape: other, wanted: undefined, exportsKernel: true };
    assert.throws(() => refuseOtherShape(parts, shape), { code: 'kernel-unknown' });
  }
});

test('modules that want or offer something else', async () => {
  // JavaScript looks imports up through prototypes: each of these would be found.
  for (const [module, name] of [
    ['constructor', 'constructor'],
    ['constructor', 'assign'],
    ['__proto__', 'toString'],
    ['hasOwnProperty', 'call'],
    ['[export]omega:kernel/session@1.0.0', 'constructor'],
    ['[export]omega:kernel/session@1.0.0', 'toString'],
  ] as [string, string][]) {
    const found = `its code wants ${module} ${name} func`.replace(/[[\]()]/g, '\\$&');
    await refused(hostile({}, { imports: [[module, name]] }), 'kernel-invalid', new RegExp(found));
  }
  const twice: [string, string][] = [['[export]omega:kernel/session@1.0.0', '[resource-drop]session']];
  await refused(hostile({}, { imports: twice }), 'kernel-invalid', /its code wants .* func \(\)->\(\)/);
  await refused(hostile({}, { without: 'session.feed' }), 'kernel-invalid', /does not offer .*session.feed/);
  await refused(hostile({}, { without: 'memory' }), 'kernel-invalid', /does not offer memory/);
  await refused(withMainModule(Uint8Array.from(MODULE)), 'kernel-invalid', /less or more often/);
  await refused(withMainModule(Uint8Array.of(1, 2, 3)), 'kernel-invalid', /cannot be read/);
});

test('modules that begin with too much', async () => {
  // A module beside the main one has a table of four.
  await refused(
    hostile({}, { pages: 65_536 }),
    'kernel-memory-limit',
    /4096 MiB of memory, and may have 51\d/,
  );
  await refused(hostile({}, { elements: 65_533 }), 'kernel-memory-limit', /65537 table elements/);
  assert.equal(await refusal(hostile({}, { pages: 8192, elements: 65_532 })), undefined);
});

test('core modules that no kernel of this contract has', () => {
  const section = (id: number, bytes: number[]) =>
    Uint8Array.from([...MODULE, id, ...leb(bytes.length), ...bytes]);
  const unknown = [
    section(1, [1, 0x5f, 0]),
    section(4, [1, 0x40, 0]),
    section(5, [1, 3, 1, 1]),
    section(5, [1, 4, 1]),
    section(2, [1, 1, 97, 1, 98, 4, 0, 0]),
    section(13, [0]),
  ];
  for (const module of unknown) assert.throws(() => border(module), { code: 'kernel-unknown' });
  const malformed = [
    section(1, [0xff, 0xff, 0xff, 0xff, 0x0f]),
    section(3, [1, 7]),
    section(7, [1, 1, 97, 0, 0]),
    section(7, [1, 1, 97, 9, 0]),
    Uint8Array.from([...MODULE, 1, 0xff, 0xff, 0xff, 0x7f]),
  ];
  for (const module of malformed) assert.throws(() => border(module), Malformed);
});

/** One change, anywhere before `end`: flipped, cut, put in, copied, or a length that is absurd. */
function mutated(bytes: Uint8Array, roll: (below: number) => number, end: number): Uint8Array {
  const at = roll(end);
  const before = bytes.subarray(0, at);
  const join = (...parts: (Uint8Array | number[])[]) => joined(parts.map((part) => Uint8Array.from(part)));
  switch (roll(6)) {
    case 0:
      return join(before, [(bytes[at] as number) ^ (1 << roll(8))], bytes.subarray(at + 1));
    case 1:
      return bytes.slice(0, at);
    case 2:
      return join(before, [roll(256)], bytes.subarray(at));
    case 3:
      return join(before, bytes.subarray(at + 1 + roll(16)));
    case 4: {
      const from = roll(end);
      return join(before, bytes.subarray(from, from + roll(64)), bytes.subarray(at));
    }
    default:
      return join(before, [0xff, 0xff, 0xff, 0xff, 0x0f], bytes.subarray(at + 5));
  }
}

test('thirty thousand changed components: each is the kernel, or gets a code', () => {
  const roll = dice(1);
  // The wiring around a small main module, so that most changes meet the wiring.
  const small = hostile({});
  let same = 0;
  let other = 0;
  for (let nth = 0; nth < 30_000; nth += 1) {
    const bytes = mutated(small, roll, small.length);
    try {
      const parts = takeApart(bytes);
      refuseOtherShape(parts, shape);
      for (const module of parts.modules) border(module);
      same += 1;
    } catch (error) {
      if (!(error instanceof Malformed)) assert.equal(asFailure(error).exit, 30, String(error));
      other += 1;
    }
  }
  // Neither end may be one that is hardly ever reached: names of custom sections may change freely.
  assert(same > 1000 && other > 10_000, `${same} of the shape, ${other} refused`);
});

test('changed code compiles or gets a code', async () => {
  const roll = dice(2);
  let compiled = 0;
  for (let nth = 0; nth < 150; nth += 1) {
    if ((await refusal(mutated(KERNEL, roll, KERNEL.length))) === undefined) compiled += 1;
  }
  assert(compiled > 0 && compiled < 150, `${compiled} compiled`);
});
