/** The command that the page gives: a shell runs it in the folder of the files, and it answers as the page did. */
import assert from 'node:assert/strict';
import { copyFileSync } from 'node:fs';
import { after, before, beforeEach, test } from 'node:test';
import type { Page } from 'playwright-core';
import { KERNEL } from './support/fixtures.js';
import { answered, Desk, remove, sameAsCommand, text } from './support/page.js';

const desk = new Desk();
let page: Page;
let key: string;
before(async () => {
  desk.lunch();
  key = (desk.omega('explain', '--json', '--input', 'omega.pub').facts as { public_key: string }).public_key;
  batches();
  await desk.start();
  page = (await desk.open()).page;
});
after(() => desk.close());
beforeEach(() => remove(page));

/** A chain of two batches, the state between them, and what can be proved of both. */
function batches(): void {
  const judge = (batch: number, log: string, ...state: string[]) => {
    const given = ['--input', log, '--batch-id', String(batch), '--output', `${batch}.result`];
    desk.omega('reconcile', ...given, '--save-snapshot', `${batch}.snap`, ...state);
    desk.omega(
      'certify',
      '--result',
      `${batch}.result`,
      '--cert-log',
      'chain.log',
      '--output',
      `${batch}.cert`,
    );
  };
  judge(1, 'alice.omega');
  judge(2, 'bob.omega', '--snapshot', '1.snap');
  const proved = (what: string, id: string, batch: number, from: string[], to: string) =>
    desk.omega('prove', `--${what}`, id, '--cert', `${batch}.cert`, ...from, '--output', to);
  proved('event', desk.firstEvent('bob.omega'), 2, ['--input', 'bob.omega'], 'event.proof');
  proved('id-in-state', desk.firstEvent('alice.omega'), 2, ['--snapshot', '2.snap'], 'accepted.proof');
  proved('id-in-state', '1234', 2, ['--snapshot', '2.snap'], 'never.proof');
}

/** Chooses, verifies, and holds the page to its command. */
async function same(exit: number, code: string | null, ...names: string[]) {
  await desk.choose(page, ...names);
  await answered(page);
  const native = await sameAsCommand(desk, page);
  assert.deepEqual([native.exit, native.code], [exit, code], JSON.stringify(native));
  return native;
}

test('names that a shell would read otherwise', async () => {
  const names = {
    'omega.cert': '-- it\'s "the" $CERT.cert',
    'alice.omega': "-alice's log; rm *.omega",
    'bob.omega': 'bob `id` \\ $(date) & <é>\u2028.omega',
    'omega.pub': '-trust me\t#1.pub',
  };
  for (const [from, to] of Object.entries(names)) copyFileSync(desk.path(from), desk.path(to));
  await same(0, null, ...Object.values(names));
});

test('two logs, a chain with its hash, and a trust policy', async () => {
  desk.write('trust.toml', `signers = ["${key}"]\nminimum_signers = 1\n`);
  await same(0, null, 'cert.log', 'cert.hash', 'alice.omega', 'bob.omega', 'trust.toml');
  assert.match(await text(page, '.command code'), /--policy trust\.toml/);
  // The policy comes before a key, and only the policy is named.
  await same(0, null, 'other.pub');
  assert.doesNotMatch(await text(page, '.command code'), /--trust/);
  assert.match(await text(page, '#list li:last-child .note'), /the trust policy says whom you believe/);
  await remove(page, 'trust.toml');
  await same(30, 'signer-untrusted');
  await same(0, null, 'omega.pub');
  assert.match(await text(page, '.command code'), /--trust other\.pub \\\n {2}--trust omega\.pub/);
  await remove(page, 'other.pub', 'omega.pub');
  desk.write('strict.toml', `signers = ["${key}"]\nkernels = ["${'02'.repeat(32)}"]\n`);
  await same(30, 'kernel-unknown', 'strict.toml');
  await remove(page, 'strict.toml');
  desk.write('broken.toml', 'signers = ["nobody"]\n');
  await same(30, 'trust-policy-invalid', 'broken.toml');
});

test('a state, keys, proofs', async () => {
  await same(0, null, '2.cert', 'bob.omega', '1.snap', 'omega.pub', 'other.pub', 'event.proof');
  assert.match(await text(page, '.proof'), /is in the log "bob"/);
  await remove(page, 'event.proof');
  await same(0, null, 'accepted.proof');
  await remove(page, 'accepted.proof');
  await same(0, null, 'never.proof');
  assert.match(await text(page, '.proof'), /was never accepted/);
  await remove(page, '1.snap');
  await same(30, 'snapshot-missing');
  // A state that another batch left.
  await same(20, 'state-mismatch', '2.snap');
});

test('the newest certificate that is known: its hash, and its file', async () => {
  await desk.choose(page, 'chain.log', 'omega.pub');
  await answered(page);
  const { chain_hash: newest } = await sameAsCommand(desk, page);
  await page.locator('.more').evaluate((it) => it.setAttribute('open', ''));
  await page.fill('#head', ` ${String(newest).toUpperCase()} `);
  await same(0, null);
  assert.match(await text(page, '.pair'), /not older than the certificate that you know/);
  await page.fill('#head', '00'.repeat(32));
  await same(20, 'chain-broken');
  await page.fill('#head', 'gibberish');
  await desk.choose(page);
  assert.equal(await answered(page), 'Something is missing');
  await page.fill('#head', '');
  // Of two certificates one is verified, and the other is said to be the newest that is known.
  await remove(page, 'chain.log');
  await desk.choose(page, '1.cert', '2.cert');
  await page.selectOption('[aria-label="Use of 2.cert"]', 'head');
  assert.equal(await page.inputValue('[aria-label="Use of 1.cert"]'), 'verify');
  await same(20, 'chain-broken');
  assert.match(await text(page, '.command code'), /--cert 1\.cert[\s\S]*--head 2\.cert/);
});

test('other kernels: named, missing, of another byte', async () => {
  // The same code under another hash: a section that means nothing stands behind it.
  desk.write('other.wasm', Buffer.concat([KERNEL, Uint8Array.of(0, 2, 1, 0x61)]));
  desk.write('wrong.wasm', Buffer.concat([KERNEL, Uint8Array.of(0, 2, 1, 0x62)]));
  const from = ['--kernel', 'other.wasm'];
  desk.omega('reconcile', ...from, '--input', 'alice.omega', '--output', 'other.result');
  const into = ['--cert-log', 'other.log', '--output', 'other.cert'];
  desk.omega('certify', ...from, '--result', 'other.result', ...into);
  await same(30, 'kernel-unknown', 'other.cert', 'alice.omega', 'omega.pub');
  const hash = await text(page, '#answer .hint');
  assert.match(hash, /Its BLAKE3 is [0-9a-f]{64}\. Add the file of that very checker/);
  await same(30, 'kernel-unknown', 'wrong.wasm');
  await same(0, null, 'other.wasm');
  assert.match(await text(page, '.command code'), /--kernel wrong\.wasm \\\n {2}--kernel other\.wasm/);
});

test('logs that are missing, that are others, and that hold more by now', async () => {
  await same(30, 'log-missing', 'omega.cert', 'alice.omega', 'omega.pub');
  desk.omega('append', '--log', 'carol.omega', '--node', '3', '--payload', 'Who is coming?');
  await same(30, 'log-missing', 'carol.omega');
  await same(0, null, 'bob.omega');
  copyFileSync(desk.path('alice.omega'), desk.path('grown.omega'));
  desk.omega('append', '--log', 'grown.omega', '--node', '1', '--payload', 'Or on Saturday?');
  await remove(page, 'alice.omega', 'carol.omega');
  await same(0, null, 'grown.omega');
  assert.match(await text(page, '.checks'), /1 newer event, not covered by the certificate/);
});
