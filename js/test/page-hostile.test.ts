/** Kernels, certificates and logs that mean no good, in the verify page: a clear answer, and the tab survives. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { KERNEL } from './support/fixtures.js';
import { AT, forged, naming } from './support/forge.js';
import { FOREVER, grow, hostile, leb, UNREACHABLE } from './support/hostile.js';
import { answered, Desk, remove, sameAsCommand, text } from './support/page.js';

const HEADER = [0, 0x61, 0x73, 0x6d];
const COMPONENT = [...HEADER, 0x0d, 0, 1, 0];
const CORE = [...HEADER, 1, 0, 0, 0];
/** `(import "a" (component))`, of a type that is empty. */
const WANTS = [7, 3, 1, 0x41, 0, 10, 6, 1, 0, 1, 0x61, 4, 0];

const desk = new Desk();
let page: Page;
before(async () => {
  desk.lunch();
  await desk.start();
  page = (await desk.open()).page;
});
after(() => desk.close());

/** Writes a kernel and a certificate that is signed rightly and names it. */
function kernel(name: string, bytes: Uint8Array): string[] {
  desk.write(`${name}.wasm`, bytes);
  desk.write(`${name}.cert`, naming(desk.read('omega.cert'), bytes, desk.read('omega.key').toString()));
  return [`${name}.cert`, `${name}.wasm`];
}

/** What the page answers about these files; that it has the same words as the command. */
async function answer(...names: string[]): Promise<string | null> {
  await remove(page);
  await desk.choose(page, ...names);
  await answered(page);
  const { code } = await sameAsCommand(desk, page);
  return code;
}

/** The tab is as it was: the right evidence is right. */
async function lives(): Promise<void> {
  assert.equal(await answer('omega.cert', 'alice.omega', 'bob.omega', 'omega.pub'), null);
}

const LOGS = ['alice.omega', 'bob.omega', 'omega.pub'];

test('a certificate that is signed anew is one: only what it names differs', async () => {
  const same = kernel('same', KERNEL);
  assert.equal(await answer(...same, ...LOGS), null);
  desk.write(
    'rewritten.cert',
    forged(desk.read('omega.cert'), 65, Uint8Array.of(9), desk.read('omega.key').toString()),
  );
  assert.equal(await answer('rewritten.cert', ...LOGS), null);
});

test('kernels that are none: refused before anything of them is compiled', async () => {
  const none: [name: string, bytes: Uint8Array, code: string][] = [
    ['wants', Uint8Array.from([...COMPONENT, ...WANTS]), 'kernel-invalid'],
    ['empty', Uint8Array.from(COMPONENT), 'kernel-invalid'],
    ['cut', KERNEL.subarray(0, KERNEL.length / 2), 'kernel-invalid'],
    ['section', Uint8Array.from([...COMPONENT, 1, ...leb(0xffffffff), 0]), 'kernel-invalid'],
    ['endless', Uint8Array.from([...COMPONENT, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), 'kernel-invalid'],
    [
      'large',
      Uint8Array.from([...KERNEL, 0, ...leb(17 << 20), ...new Uint8Array(17 << 20)]),
      'kernel-invalid',
    ],
    ['escapes', hostile({}, { imports: [['constructor', 'constructor']] }), 'kernel-invalid'],
  ];
  for (const [name, bytes, code] of none) {
    assert.equal(await told(name, bytes), code, name);
    assert.match(await text(page, '.verdict'), /The checker that the certificate names cannot be run/);
  }
  await lives();
  // These are not even taken for kernels, and so the one that is named is not at hand.
  for (const [name, bytes] of [
    ['text', new TextEncoder().encode('not WebAssembly at all')],
    ['core', Uint8Array.from(CORE)],
  ] as const) {
    const files = kernel(name, bytes);
    await remove(page);
    await desk.choose(page, ...files, ...LOGS);
    assert.match(
      await text(page, '#list li:nth-child(2)'),
      /Not used[\s\S]*(Not recognised|a kernel is a component)/,
    );
    assert.equal(await answered(page), 'Could not check');
    assert.equal(await text(page, '#answer header code'), 'kernel-unknown');
  }
});

/** The code with which a kernel ends here; that the command gives no verdict either. */
async function told(name: string, bytes: Uint8Array): Promise<string> {
  await remove(page);
  await desk.choose(page, ...kernel(name, bytes), ...LOGS);
  await answered(page);
  const code = await text(page, '#answer header code');
  const native = await desk.repeated(page);
  assert.equal(native.exit, 30, `${name}: ${native.message}`);
  return code;
}

test('kernels that trap, that take all memory, that lie, and that never return', async () => {
  // The one that never returns has its time while the others are seen to.
  const { page: waits } = await desk.open();
  await desk.choose(waits, ...kernel('loops', hostile({ describe: FOREVER })), ...LOGS);
  const late = answered(waits);
  const { page: cancelled } = await desk.open();
  await desk.choose(cancelled, 'loops.cert', 'loops.wasm', ...LOGS);
  await cancelled.click('#verify');
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.equal(await cancelled.isEnabled('#cancel'), true);
  await cancelled.click('#cancel');
  await cancelled.waitForFunction(() => document.getElementById('state')?.textContent === 'Cancelled.');
  await remove(cancelled, 'loops.cert');
  await desk.choose(cancelled, 'omega.cert');
  assert.equal(await answered(cancelled), 'Right');

  assert.equal(await told('traps', hostile({ describe: UNREACHABLE })), 'kernel-trapped');
  assert.match(await text(page, '.hint'), /Ask whoever gave you that checker/);
  assert.equal(await told('grows', hostile({ describe: grow(9600) })), 'kernel-memory-limit');
  await remove(page);
  await desk.choose(page, ...kernel('lies', hostile({})), ...LOGS);
  assert.notEqual(await answered(page), 'Right');
  await lives();
  assert.equal(await late, 'Could not check');
  assert.equal(await text(waits, '#answer header code'), 'kernel-deadline');
  assert.match(await text(waits, '.verdict'), /did not come to an end, and was stopped/);
});

test('certificates with absurd lengths, and chains of them', async () => {
  const whole = desk.read('omega.cert');
  const key = desk.read('omega.key').toString();
  const most = Uint8Array.of(0xff, 0xff, 0xff, 0xff);
  const put = (bytes: Uint8Array, at: number, what: Uint8Array) => {
    const made = Uint8Array.from(bytes);
    made.set(what, at);
    return made;
  };
  const bodyLength = Number(whole.readUInt32LE(AT.bodyLength));
  const made: Record<string, Uint8Array> = {
    'body.cert': put(whole, AT.bodyLength, most),
    'body-far.cert': put(whole, AT.bodyLength, Uint8Array.of(0xff, 0xff, 0xff, 0x00)),
    // Signed rightly: only what the lengths say is wrong.
    'core.cert': forged(whole, AT.body, most, key),
    'count.cert': forged(whole, AT.body + 5, most, key),
    'signatures.cert': put(whole, AT.body + bodyLength, Uint8Array.of(0xff, 0xff)),
    'trailing.cert': Uint8Array.from([...whole, ...new Uint8Array(1 << 20)]),
    'magic.cert': whole.subarray(0, 8),
    'record.log': put(desk.read('cert.log'), 16, most),
    'magic.log': desk.read('cert.log').subarray(0, 8),
    'zeros.log': Uint8Array.from([...desk.read('cert.log'), ...new Uint8Array(1 << 20)]),
  };
  for (const [name, bytes] of Object.entries(made)) {
    desk.write(name, bytes);
    assert.notEqual(await answer(name, ...LOGS), null, name);
  }
  await lives();
});

test('logs that are not what they seem, or never end', async () => {
  const log = desk.read('alice.omega');
  const frame = log.subarray(log.length - 128);
  const made: Record<string, Uint8Array> = {
    'nothing.omega': new Uint8Array(),
    'start.omega': log.subarray(0, 8),
    'length.omega': Uint8Array.from([...log.subarray(0, 128), 0xff, 0xff, 0xff, 0xff, ...log.subarray(132)]),
    'zeros.omega': Uint8Array.from([...log.subarray(0, 128), ...new Uint8Array(4 << 20)]),
    // The same frame again and again, which fits: a log like this may go on for ever.
    'again.omega': Uint8Array.from({ length: 128 * 20_000 }, (_, at) => {
      return Number(at < 128 ? log[at] : frame[at % 128]);
    }),
  };
  for (const [name, bytes] of Object.entries(made)) {
    desk.write(name, bytes);
    await remove(page);
    await desk.choose(page, 'omega.cert', name, 'bob.omega', 'omega.pub');
    await answered(page);
    if (name === 'nothing.omega') {
      assert.match(await text(page, '#list li:nth-child(2)'), /Not used/);
      continue;
    }
    await sameAsCommand(desk, page);
  }
  await lives();
});
