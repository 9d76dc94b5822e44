/** The verify page in a real browser, from disk and without a network: what it answers, as the command does. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { answered, Desk, remove, sameAsCommand, text } from './support/page.js';

const desk = new Desk();
let event: string;
before(async () => {
  desk.lunch();
  event = desk.firstEvent('alice.omega');
  const from = ['--cert', 'omega.cert', '--input', 'alice.omega', '--input', 'bob.omega'];
  desk.omega('prove', '--event', event, ...from);
  desk.omega('prove', '--event', desk.firstEvent('bob.omega'), ...from, '--output', 'bob.proof');
  await desk.start();
});
after(() => desk.close());

/** Writes a copy of a file with the lowest bit of one byte turned. */
function flipped(from: string, at: number, to: string): void {
  const bytes = desk.read(from);
  bytes[at] = Number(bytes[at]) ^ 1;
  desk.write(to, bytes);
}

test('agree: the answer, its checks, its chain, its coverage and the command, as omega verify says it', async () => {
  const { page, asked, errors } = await desk.open();
  await desk.choose(page, 'cert.log', 'cert.hash', 'alice.omega', 'bob.omega', 'omega.pub');
  assert.deepEqual(await page.locator('#list .role').allTextContents(), [
    'Chain of certificates',
    'Hash of a chain',
    'Log',
    'Log',
    'Public key',
  ]);
  assert.equal(await answered(page), 'Right');
  const native = await sameAsCommand(desk, page);
  const list = await page.locator('#answer > div > section > .checks > li .detail').allTextContents();
  for (const [at, { detail }] of native.checks?.entries() ?? []) {
    // What speaks of flags is said in the page's own words.
    assert(detail.includes('--') || list[at]?.includes(detail), detail);
  }
  assert.equal(await page.locator('.chain > li').count(), 2);
  assert.equal(await page.locator('.coverage tbody tr').count(), 9);
  assert.match(await text(page, '.verdict'), /The logs agree: .* judging them again here gave the same/);
  assert.match(await text(page, '.pair'), /same verdict to the bit[\s\S]*What it does not prove/);
  const kernelHash = await page.textContent('#kernel code');
  assert.equal(desk.omega('kernel', 'export', '--output', desk.path('k.wasm')).kernel_hash, kernelHash);
  assert.deepEqual(errors, []);
  assert(
    asked.every((url) => /^(file|blob|data):/.test(url)),
    asked.join(),
  );
  await page.context().close();
});

test('tampering in memory: what catches it, and undo', async () => {
  const page = await desk.verified('omega.cert', 'alice.omega', 'bob.omega', 'omega.pub');
  await page.selectOption('#tamper-file', { label: 'alice.omega (256 bytes)' });
  await page.fill('#tamper-at', '200');
  assert.equal(await answered(page, '#tamper-do'), 'Could not check');
  const caught = await text(page, '.caught');
  assert.match(caught, /Byte 200 of alice\.omega was [0-9a-f]{2} and is [0-9a-f]{2}/);
  assert.match(caught, /Logs/);
  flipped('alice.omega', 200, 'flipped.omega');
  const native = desk.omega(
    ...'verify --cert omega.cert --trust omega.pub --input flipped.omega --input bob.omega'.split(' '),
  );
  assert.equal(await text(page, '#answer header code'), native.code);
  assert.equal(await answered(page, '#tamper-undo'), 'Right');
  assert.match(await text(page, '#tamper-result'), /again: right/);
  await page.selectOption('#tamper-file', { label: 'omega.cert (1.1 kB)' });
  assert.equal(await answered(page, '#tamper-do'), 'Wrong');
  assert.match(await text(page, '.caught'), /Caught: wrong/);
  // A file that is taken away takes its flipped byte with it.
  await remove(page, 'omega.cert');
  assert.equal(await page.isDisabled('#tamper-undo'), true);
  await desk.choose(page, 'omega.cert');
  assert.equal(await answered(page), 'Right');
  await page.context().close();
});

test('logs that were changed, cut or exchanged on disk', async () => {
  const log = desk.read('alice.omega');
  flipped('alice.omega', 200, 'flipped.omega');
  desk.write('torn.omega', log.subarray(0, log.length - 16));
  // Cut between two events nothing is damaged: an event is missing.
  desk.omega('append', '--log', 'long.omega', '--node', '4', '--payload', 'one');
  const one = desk.read('long.omega').length;
  desk.omega('append', '--log', 'long.omega', '--node', '4', '--payload', 'two');
  desk.certify('long', 'long.omega');
  desk.write('cut.omega', desk.read('long.omega').subarray(0, one));
  // Another history under the name of the first.
  desk.omega('append', '--log', 'other.omega', '--name', 'alice', '--node', '1', '--payload', 'Never');
  const page = await desk.verified('omega.cert', 'bob.omega', 'omega.pub');
  for (const [name, code, words] of [
    ['flipped.omega', 'frame-damaged', /A log is damaged/],
    ['torn.omega', 'torn-tail', /A log ends in the middle of an event/],
  ] as const) {
    await desk.choose(page, name);
    assert.equal(await answered(page), 'Could not check');
    assert.equal((await sameAsCommand(desk, page)).code, code);
    assert.match(await text(page, '#answer header'), words);
    assert.match(await text(page, '#answer header'), /This is no verdict/);
    await remove(page, name);
  }
  await desk.choose(page, 'other.omega');
  assert.equal(await answered(page), 'Wrong');
  assert.equal((await sameAsCommand(desk, page)).code, 'verdict-differs');
  assert.match(await text(page, '#answer header'), /these logs give another answer .*Do not rely on this/);
  await remove(page);
  await desk.choose(page, 'long.cert', 'cut.omega', 'omega.pub');
  assert.equal(await answered(page), 'Could not check');
  assert.equal((await sameAsCommand(desk, page)).code, 'log-missing');
  assert.match(await text(page, '#answer header .hint'), /It was cut, or it is an older copy/);
  await page.context().close();
});

test('certificates that were changed, wherever it is, or cut', async () => {
  const whole = desk.read('omega.cert');
  const places: [at: number, exit: number][] = [
    [16, 20],
    [73, 20],
    [209, 20],
    [400, 20],
    [whole.length - 70, 20],
    [12, 20],
    [15, 30],
  ];
  const page = await desk.verified('alice.omega', 'bob.omega', 'omega.pub');
  for (const [at, exit] of places) {
    flipped('omega.cert', at, `flipped-${at}.cert`);
    await desk.choose(page, `flipped-${at}.cert`);
    assert.equal(await answered(page), exit === 20 ? 'Wrong' : 'Could not check', `byte ${at}`);
    await sameAsCommand(desk, page);
    await remove(page, `flipped-${at}.cert`);
  }
  desk.write('cut.cert', whole.subarray(0, whole.length - 1));
  await desk.choose(page, 'cut.cert');
  assert.equal(await answered(page), 'Could not check');
  assert.match(await text(page, '.verdict'), /The certificate is damaged or cut/);
  assert.equal((await sameAsCommand(desk, page)).code, 'certificate-malformed');
  await page.context().close();
});

test('a payload that was erased since: right, and what can no longer be checked is said', async () => {
  desk.omega('erase', '--input', 'alice.omega', '--event', event, '--output', 'erased.omega');
  const page = await desk.verified('omega.cert', 'erased.omega', 'bob.omega', 'omega.pub');
  assert.equal(await page.textContent('#answer-title'), 'Right');
  await sameAsCommand(desk, page);
  assert.match(await text(page, '.pair'), /And not this time:[\s\S]*Payloads: 1 payload was erased since/);
  assert.match(
    await text(page, '#answer'),
    /That was then\. 1 payload was erased since: of the rest alone was rule 2001/,
  );
  await remove(page, 'erased.omega');
  await desk.choose(page, 'alice.omega');
  assert.equal(await answered(page), 'Right');
  assert.doesNotMatch(await text(page, '#answer'), /erased/);
  // One that was erased before it was judged.
  desk.certify('before', 'erased.omega');
  await remove(page);
  await desk.choose(page, 'before.cert', 'erased.omega', 'omega.pub');
  assert.equal(await answered(page), 'Right');
  await sameAsCommand(desk, page);
  assert.doesNotMatch(await text(page, '#answer'), /That was then/);
  const row = page.locator('.coverage tbody tr').filter({ hasText: '2001' });
  assert.deepEqual(await row.locator('td').allTextContents(), ['0', '1', '0', '0']);
  assert.match(await text(page, '.pair'), /Payloads: 1 payload was erased before it was judged/);
  await page.context().close();
});

test('whom to trust: nobody, somebody else, whoever signed', async () => {
  const page = await desk.verified('omega.cert', 'alice.omega', 'bob.omega');
  assert.equal(await page.textContent('#answer-title'), 'Could not check');
  assert.match(await text(page, '.hint'), /^Add the signer’s public key or a trust policy/);
  await desk.choose(page, 'other.pub');
  assert.equal(await answered(page), 'Could not check');
  assert.equal((await sameAsCommand(desk, page)).code, 'signer-untrusted');
  assert.match(await text(page, '.hint'), /^Signed by [0-9a-f]{64}\. Add the signer’s public key/);
  await remove(page, 'other.pub');
  await page.click('.more summary');
  await page.check('#any');
  assert.equal(await answered(page), 'Right');
  await sameAsCommand(desk, page);
  assert.match(await text(page, '.command code'), /--any-signer/);
  assert.doesNotMatch(await text(page, '.pair'), /whom you said you trust/);
  assert.match(await text(page, '.pair'), /And not this time:[\s\S]*who signed\. You accepted whoever did/);
  assert.match(
    await text(page, '.checks'),
    /whoever signed is accepted, as you chose: this proves no identity/,
  );
  await page.context().close();
});

test('several proofs: each for itself, and one that is wrong makes the whole wrong', async () => {
  const page = await desk.verified('omega.cert', 'omega.pub', 'omega.proof', 'bob.proof');
  assert.equal(await page.textContent('#answer-title'), 'Right');
  await sameAsCommand(desk, page);
  assert.deepEqual(await page.locator('.proof h4').allTextContents(), [
    'omega.proof Passed',
    'bob.proof Passed',
  ]);
  assert.match(
    await text(page, '.proof'),
    /in the log "alice"[\s\S]*does not show the payload[\s\S]*in the log "bob"/,
  );
  assert.match(await text(page, '#answer'), /Once more for each further proof: bob\.proof/);
  const proof = desk.read('bob.proof');
  flipped('bob.proof', proof.length - 20, 'wrong.proof');
  await desk.choose(page, 'wrong.proof');
  assert.equal(await answered(page), 'Wrong');
  assert.equal(await text(page, '#answer header code'), 'proof-wrong');
  assert.match(await text(page, '#answer header .message'), /^In wrong\.proof: /);
  assert.deepEqual(await page.locator('.proof .badge').allTextContents(), ['Passed', 'Passed', 'Wrong']);
  assert.doesNotMatch(await text(page, '.pair'), /What the proof claims holds|What this proves/);
  const alone = desk.omega(
    'verify',
    '--cert',
    'omega.cert',
    '--trust',
    'omega.pub',
    '--proof',
    'wrong.proof',
  );
  assert.deepEqual([alone.exit, alone.code], [20, 'proof-wrong']);
  await remove(page, 'wrong.proof');
  assert.equal(await answered(page), 'Right');
  await page.context().close();
});

test('what is none of these files, and no certificate among them', async () => {
  const page = await desk.verified('omega.cert', 'omega.pub');
  await desk.choose(page, 'omega.key');
  assert.match(await text(page, '#list li:last-child'), /Not used[\s\S]*Not recognised/);
  await remove(page, 'omega.cert');
  assert.equal(await answered(page), 'Something is missing');
  assert.match(await text(page, '#answer'), /no certificate[\s\S]*Add a certificate or a chain of them/);
  assert.equal(await page.isVisible('#tamper'), false);
  assert.equal(await page.locator('.command, .pair').count(), 0);
  await page.context().close();
});
