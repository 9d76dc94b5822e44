/** Evidence files in a real browser: opened from disk without a network, and dropped on the verify page. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { KERNEL } from './support/fixtures.js';
import { OMEGA } from './support/omega.js';
import { Desk, type Opened, PAGE, type Printed, sound, text } from './support/page.js';

/** A name that would end an element, an attribute or a path, if it were taken for more than a name. */
const HOSTILE = `"><script>window.hit=1<!--'&amp;.omega`;
/** Bytes of a log that takes many pieces. */
const LARGE = 24 << 20;

const LOGS = ['--input', 'alice.omega', '--input', 'bob.omega'];

const desk = new Desk();
const { folder } = desk;
const omega = desk.omega.bind(desk);

before(async () => {
  make();
  await desk.start();
});
after(() => desk.close());

/** Puts evidence into a file, with the page that was built. */
function bundle(output: string, ...words: string[]): Printed & { parts: { name: string; blake3: string }[] } {
  return omega('bundle', '--page', PAGE, '--output', output, ...words) as never;
}

function make(): void {
  desk.lunch();
  omega('generate-events', '--output', 'fork.omega', '--count', '10', '--conflict', 'overlap-agreement');
  const fork = ['--certify', '--cert-log', 'fork.log', '--output', 'fork.cert', '--no-crash-folder'];
  omega('check', 'fork.omega', 'fork.second.omega', ...fork);
  omega('prove', '--event', desk.firstEvent('alice.omega'), '--cert', 'omega.cert', ...LOGS);
  bundle('agree.html', '--cert-log', 'cert.log', ...LOGS, '--trust', 'omega.pub');
  bundle('conflict.html', '--cert', 'fork.cert', '--trust', 'omega.pub', '--without-logs');
  bundle('proof.html', '--cert', 'omega.cert', '--proof', 'omega.proof', ...LOGS, '--without-logs');
}

async function done(page: Page): Promise<string> {
  await page.waitForFunction(() => /^Done/.test(document.getElementById('state')?.textContent ?? ''));
  return String(await page.textContent('#answer-title'));
}

/** Opens an evidence file; it verifies by itself. */
async function opened(name: string, options = {}): Promise<Opened & { title: string }> {
  const it = await desk.openFile(join(folder, name), options);
  return { ...it, title: await done(it.page) };
}

/** Verifies again, by the button; the heading. */
async function again(page: Page, button = '#verify'): Promise<string> {
  await page.locator('#state').evaluate((it) => it.replaceChildren());
  await page.click(button);
  return done(page);
}

/** Waits until so many files were looked at. */
async function looked(page: Page, count: number): Promise<void> {
  await page.waitForFunction(
    (count) =>
      document.querySelectorAll('#list li').length === count &&
      !/Looking/.test(document.getElementById('state')?.textContent ?? '') &&
      ![...document.querySelectorAll('#list .role')].some(({ textContent }) => textContent === 'Looking…'),
    count,
  );
}

const texts = (page: Page, selector: string) => page.locator(selector).allTextContents();
const row = (name: string) => `#list li:has(.name:text-is("${name}"))`;

test('agree: it verifies at once, lists its parts with their hashes, and asks for nothing', async () => {
  const { page, asked, errors, title } = await opened('agree.html');
  assert.equal(title, 'Right');
  assert.match(await page.title(), /^Evidence/);
  assert.match(await text(page, '#evidence'), /cannot vouch for itself/);
  assert.deepEqual(await texts(page, '#list .role'), [
    'Chain of certificates',
    'Hash of a chain',
    'Log',
    'Log',
    'Public key',
    'Kernel',
  ]);
  const { parts } = bundle('again.html', '--cert-log', 'cert.log', ...LOGS, '--trust', 'omega.pub');
  assert.deepEqual(
    await texts(page, '#list .hash'),
    parts.map(({ blake3 }) => blake3),
  );
  const native = omega('verify', '--cert-log', 'cert.log', '--trust', 'omega.pub', ...LOGS);
  assert.equal((await text(page, '#answer .message')).toLowerCase(), native.message.toLowerCase());
  // The parts stand in the page no longer: they are files now.
  assert.equal(await page.locator('[id^=omega-part-]').count(), 0);
  assert.deepEqual(errors, []);
  assert(
    asked.every((url) => /^(file|blob|data):/.test(url)),
    asked.join(),
  );
  await page.context().close();
});

test('the same evidence makes the same file, whose page has the hash of the page alone', async () => {
  const made = bundle('again.html', '--cert-log', 'cert.log', ...LOGS, '--trust', 'omega.pub');
  const bytes = readFileSync(join(folder, 'again.html'));
  assert.deepEqual(bytes, readFileSync(join(folder, 'agree.html')));
  assert.equal(made.sha256, createHash('sha256').update(bytes).digest('hex'));
  const frame = (path: string) =>
    (omega('explain', '--json', '--input', path).facts as Record<string, string>).frame_sha256;
  assert.equal(frame('again.html'), made.frame_sha256);
  assert.equal(frame(PAGE), made.frame_sha256);
});

test('whom to trust: a claim of the file, until the reader says so', async () => {
  const { page } = await opened('agree.html');
  assert.match(await text(page, '#answer header'), /came with the evidence: it is a claim/);
  const { public_key: key } = omega('explain', '--json', '--input', 'omega.pub').facts as Record<
    string,
    string
  >;
  assert((await text(page, '#evidence')).includes(String(key)));
  assert.match(await text(page, '.pair'), /whom the evidence file itself says to trust/);
  assert.match(await text(page, '.checks'), /signed by \w+…, whom the evidence file says to trust/);
  assert.doesNotMatch(await text(page, '.checks'), /whom you trust/);
  await page.setInputFiles('#input', join(folder, 'other.pub'));
  await looked(page, 7);
  assert.match(await text(page, row('omega.pub')), /Not used: you said yourself/);
  assert.equal(await again(page), 'Could not check');
  assert.equal(await text(page, '#answer header code'), 'signer-untrusted');
  assert.doesNotMatch(await text(page, '#answer header'), /claim/);
  await page.click('[aria-label="Remove other.pub"]');
  assert.equal(await again(page), 'Right');
  await page.context().close();
});

test('without a key: what can be seen is seen, and nothing is believed', async () => {
  const { page, title } = await opened('proof.html');
  assert.equal(title, 'Could not check');
  assert.match(await text(page, '#evidence'), /No key came with it/);
  assert.match(await text(page, '#evidence'), /Left out by its maker[\s\S]*alice\.omega, bob\.omega/);
  await page.setInputFiles('#input', join(folder, 'omega.pub'));
  await looked(page, 4);
  assert.equal(await again(page), 'Right');
  assert.match(await text(page, '.proof'), /is in the log "alice"/);
  await page.context().close();
});

test('a conflict, without logs: the rule and the events', async () => {
  const { page, title } = await opened('conflict.html');
  assert.equal(title, 'Right');
  assert.deepEqual(await texts(page, '#list .role'), ['Certificate', 'Public key', 'Kernel']);
  assert.match(await text(page, '.verdict'), /conflict/);
  assert.match(await text(page, '.conflict .rule'), /Rule 3001/);
  await page.context().close();
});

test('every part is saved as it was, and the command repeats the answer with them', async () => {
  const { page } = await opened('agree.html');
  const saved = mkdtempSync(join(folder, 'saved-'));
  for (const name of await texts(page, '#list .name')) {
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.click(`[aria-label="Save ${name}"]`),
    ]);
    assert.equal(download.suggestedFilename(), name);
    await download.saveAs(join(saved, name));
  }
  for (const name of ['cert.log', 'cert.hash', 'alice.omega', 'bob.omega', 'omega.pub']) {
    assert.deepEqual(readFileSync(join(saved, name)), readFileSync(join(folder, name)), name);
  }
  const words = (await text(page, '.command code')).replaceAll('\\\n', ' ').split(/\s+/).slice(1);
  assert(words.includes('--kernel'));
  const native = JSON.parse(
    execFileSync(OMEGA, words, { cwd: saved, stdio: ['ignore', 'pipe', 'ignore'] }).toString(),
  );
  assert.equal(native.outcome, 'verified');
  await page.context().close();
});

test('tampering works on what came with the file', async () => {
  const { page } = await opened('agree.html');
  const labels = await texts(page, '#tamper-file option');
  await page.selectOption('#tamper-file', {
    label: String(labels.find((it) => it.startsWith('alice.omega'))),
  });
  await page.fill('#tamper-at', '200');
  assert.notEqual(await again(page, '#tamper-do'), 'Right');
  assert.match(await text(page, '.caught'), /Byte 200 of alice\.omega/);
  assert.equal(await again(page, '#tamper-undo'), 'Right');
  await page.context().close();
});

/** An evidence file in which a part's base64 was changed. */
function changed(from: string, to: string, number: number, change: (base64: string) => string): string {
  const whole = readFileSync(join(folder, from), 'latin1');
  const opens = `<script type="text/plain" id="omega-part-${number}">`;
  const begin = whole.indexOf(opens) + opens.length;
  const end = whole.indexOf('<', begin);
  const html = whole.slice(0, begin) + change(whole.slice(begin, end)) + whole.slice(end);
  writeFileSync(join(folder, to), html, 'latin1');
  return to;
}

/** Another byte in the middle. */
const other = (base64: string) => {
  const bytes = Buffer.from(base64, 'base64');
  bytes[200]! ^= 1;
  return bytes.toString('base64');
};

test('a part that was changed within the file is seen, and so is one that is no base64', async () => {
  const log = await opened(changed('agree.html', 'changed.html', 2, other));
  assert.notEqual(log.title, 'Right');
  assert.match(await text(log.page, '#evidence'), /1 of its parts is not what the file says of it/);
  assert.match(await text(log.page, row('alice.omega')), /another BLAKE3/);
  assert.equal(await log.page.locator('#list .badge.failed').count(), 1);
  await log.page.context().close();
  const base64 = await opened(changed('agree.html', 'broken.html', 2, (text) => `!${text.slice(1)}`));
  assert.notEqual(base64.title, 'Right');
  assert.match(await text(base64.page, row('alice.omega')), /not as it was made: alice\.omega is no base64/);
  await base64.page.context().close();
  const explained = omega('explain', '--json', '--input', 'changed.html');
  assert.equal(explained.code, 'evidence-file-invalid');
  assert.match(explained.message, /alice\.omega/);
});

test('evidence of tampering: written when asked for by name, and it shows what is wrong', async () => {
  const bytes = readFileSync(join(folder, 'omega.cert'));
  bytes[bytes.length - 5]! ^= 1;
  writeFileSync(join(folder, 'forged.cert'), bytes);
  const words = ['--cert', 'forged.cert', ...LOGS, '--trust', 'omega.pub'];
  const refused = bundle('forged.html', ...words);
  assert.deepEqual([refused.exit, refused.output], [20, null]);
  const made = bundle('forged.html', ...words, '--even-if-it-fails');
  assert.equal(made.exit, 20);
  const { page, title } = await opened('forged.html');
  assert.equal(title, 'Wrong');
  assert.equal(await text(page, '#answer header code'), made.code);
  await page.context().close();
});

test('dropped on the verify page: its parts are listed, nothing of its page is used', async () => {
  // A page that would say of itself whatever its maker wanted.
  const honest = readFileSync(join(folder, 'agree.html'), 'latin1');
  const lying = honest.replace('</footer>', '</footer><script>window.hit = 1</script>');
  writeFileSync(join(folder, 'lying.html'), lying, 'latin1');
  const { page, errors } = await desk.open();
  await page.setInputFiles('#input', join(folder, 'lying.html'));
  await looked(page, 7);
  assert.equal((await texts(page, '#list .role'))[0], 'Evidence file');
  assert.match(await text(page, row('lying.html')), /Its page is not used/);
  assert.equal(await again(page), 'Right');
  assert.match(await text(page, '#answer header'), /came with the evidence: it is a claim/);
  assert.equal(await page.evaluate('window.hit'), undefined);
  // The reader's own key comes in the place of the one that came with it.
  await page.setInputFiles('#input', join(folder, 'omega.pub'));
  await looked(page, 8);
  assert.equal(await again(page), 'Right');
  assert.doesNotMatch(await text(page, '#answer header'), /claim/);
  assert.match(await text(page, '.checks'), /whom you trust/);
  // What came with it goes with it.
  await page.click('[aria-label="Remove lying.html"]');
  assert.deepEqual(await texts(page, '#list .name'), ['omega.pub']);
  assert.deepEqual(errors, []);
  await page.context().close();
});

test('dropped and damaged: said so, and the page goes on', async () => {
  const honest = readFileSync(join(folder, 'agree.html'), 'latin1');
  const list = (change: (json: string) => string) =>
    honest.replace(
      /(id="omega-manifest">)(.*?)(<\/script>)/,
      (_, open, json, close) => open + change(json) + close,
    );
  const damages = {
    'cut.html': honest.slice(0, honest.indexOf('id="omega-part-3"') + 60),
    'no-list.html': list(() => '[]'),
    'path.html': list((json) => json.replace('"alice.omega"', '"../alice.omega"')),
    'twice.html': list((json) => json.replace('"alice.omega"', '"BOB.omega"')),
    'long.html': list((json) => json.replace(/("alice.*?"bytes":)\d+/, '$1268435457')),
    'short.html': list((json) => json.replace(/("alice.*?"bytes":)\d+/, '$1200')),
    'newer.html': honest.replace('omega evidence 1 -->', 'omega evidence 2 -->'),
  };
  const { page } = await desk.open();
  for (const [name, html] of Object.entries(damages)) {
    assert.notEqual(html, honest, name);
    writeFileSync(join(folder, name), html, 'latin1');
    await page.setInputFiles('#input', join(folder, name));
    await looked(page, 1);
    assert.match(
      await text(page, row(name)),
      /cannot be read: the evidence file is not as it was made/,
      name,
    );
    assert.equal(omega('explain', '--json', '--input', name).code, 'evidence-file-invalid', name);
    await page.click(`[aria-label="Remove ${name}"]`);
  }
  await page.setInputFiles('#input', PAGE);
  await looked(page, 1);
  assert.match(await text(page, '#list li'), /A verify page without evidence/);
  await page.context().close();
});

test('a hostile name stays a name', async () => {
  writeFileSync(join(folder, HOSTILE), readFileSync(join(folder, 'alice.omega')));
  bundle('hostile.html', '--cert', 'omega.cert', '--input', `./${HOSTILE}`, '--input', 'bob.omega');
  const { page, errors } = await opened('hostile.html');
  assert((await texts(page, '#list .name')).includes(HOSTILE));
  assert.equal(await page.evaluate('window.hit'), undefined);
  assert.deepEqual(errors, []);
  await page.click('.more summary');
  await page.check('#any');
  assert.equal(await again(page), 'Right');
  await page.context().close();
  const verify = await desk.open();
  await verify.page.setInputFiles('#input', join(folder, 'hostile.html'));
  await looked(verify.page, 5);
  assert((await texts(verify.page, '#list .name')).includes(HOSTILE));
  await verify.page.context().close();
});

test('another kernel than the one in the page goes with its certificate', async () => {
  // The same code under another hash: a section that means nothing stands behind it.
  writeFileSync(join(folder, 'other.wasm'), Buffer.concat([KERNEL, Uint8Array.of(0, 2, 1, 0x61)]));
  const kernel = ['--kernel', 'other.wasm'];
  omega('reconcile', ...kernel, '--input', 'alice.omega', '--output', 'other.result');
  const certify = ['--result', 'other.result', '--cert-log', 'other.log', '--output', 'other.cert'];
  omega('certify', ...kernel, ...certify);
  const words = ['--cert', 'other.cert', '--input', 'alice.omega', '--trust', 'omega.pub'];
  assert.equal(bundle('other.html', ...words).code, 'kernel-unknown');
  assert.equal(bundle('other.html', ...words, '--even-if-it-fails').code, 'kernel-unknown');
  assert.equal(bundle('other.html', ...words, ...kernel).exit, 0);
  const { page, title } = await opened('other.html');
  assert.equal(title, 'Right');
  assert.equal((await texts(page, '#list .role')).filter((role) => role === 'Kernel').length, 1);
  await page.context().close();
});

test('a large log: the page stays quick while its parts are unpacked', async () => {
  omega('generate-events', '--output', 'large.omega', '--count', '27000', '--payload', '900');
  omega('check', 'large.omega', '--certify', '--cert-log', 'large.log', '--output', 'large.cert');
  const bytes = readFileSync(join(folder, 'large.omega'));
  assert(bytes.length > LARGE, `${bytes.length} bytes`);
  const { parts } = bundle(
    'large.html',
    '--cert',
    'large.cert',
    '--input',
    'large.omega',
    '--trust',
    'omega.pub',
  );
  const it = await desk.openFile(join(folder, 'large.html'));
  await it.page.waitForFunction(() => document.querySelectorAll('#list li').length >= 1);
  const longest = it.page.evaluate(
    () =>
      new Promise<number>((resolve) => {
        let longest = 0;
        let last = performance.now();
        const tick = () => {
          const now = performance.now();
          longest = Math.max(longest, now - last);
          last = now;
          if (/^Done/.test(document.getElementById('state')?.textContent ?? '')) resolve(longest);
          else setTimeout(tick, 10);
        };
        tick();
      }),
  );
  assert.equal(await done(it.page), 'Right');
  assert((await longest) < 1000, `the page stood still for ${await longest} ms`);
  assert.deepEqual(
    await texts(it.page, '#list .hash'),
    parts.map(({ blake3 }) => blake3),
  );
  await it.page.context().close();
});

test('at 360 pixels, light and dark, and without fault for those who hear it', async () => {
  for (const [name, colorScheme] of [
    ['agree.html', 'light'],
    ['conflict.html', 'dark'],
  ] as const) {
    const options = { colorScheme, viewport: { width: 360, height: 740 }, bypassCSP: true };
    const { page } = await opened(name, options);
    await sound(page);
    await page.context().close();
  }
});
