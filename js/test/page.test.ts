/** The verify page in a real browser, from disk and without a network: what it answers, and what it asks for. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { serve, startBrowser } from '../scripts/chromium.mjs';
import { KERNEL } from './support/fixtures.js';
import { OMEGA } from './support/omega.js';

const PAGE = join(process.cwd(), 'dist/page/index.html');
/** A log that takes a while to verify. */
const LARGE = { events: 150_000, payload: 256 };

let browser: Browser;
let folder: string;
let kernelHash: string;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'omega-verify-page-'));
  make();
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs the command in the folder; its object. Conflicts end with 10. */
function omega(...words: string[]): Record<string, unknown> {
  try {
    return JSON.parse(
      execFileSync(OMEGA, words, { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] }).toString(),
    );
  } catch (error) {
    const { status, stdout } = error as { status?: number; stdout?: Buffer };
    if (status !== 10 && status !== 20 && status !== 30) throw error;
    return JSON.parse(String(stdout));
  }
}

/** What is verified below, made and signed by the command. */
function make(): void {
  omega('append', '--log', 'alice.omega', '--node', '1', '--payload', 'Lunch on Friday?');
  omega('append', '--log', 'bob.omega', '--node', '2', '--seen', 'alice.omega', '--payload', 'Yes, at noon');
  omega('keygen');
  omega('keygen', '--output', 'other.key');
  omega('check', 'alice.omega', 'bob.omega', '--certify');
  omega('generate-events', '--output', 'fork.omega', '--count', '10', '--conflict', 'overlap-agreement');
  const fork = [
    'fork.omega',
    'fork.second.omega',
    '--certify',
    '--cert-log',
    'fork.log',
    '--output',
    'fork.cert',
  ];
  omega('check', '--no-crash-folder', ...fork);
  const event = omega('explain', '--json', '--events', '--input', 'alice.omega') as never;
  const [id] = /[0-9a-f]{32}/.exec(JSON.stringify((event as { events: unknown }).events)) ?? [];
  omega(
    'prove',
    '--event',
    String(id),
    '--cert',
    'omega.cert',
    '--input',
    'alice.omega',
    '--input',
    'bob.omega',
  );
  // The same code under another hash: a section that means nothing stands behind it.
  writeFileSync(join(folder, 'other.wasm'), Buffer.concat([KERNEL, Uint8Array.of(0, 2, 1, 0x61)]));
  omega('reconcile', '--kernel', 'other.wasm', '--input', 'alice.omega', '--output', 'other.result');
  omega(
    'certify',
    '--kernel',
    'other.wasm',
    '--result',
    'other.result',
    '--cert-log',
    'other.log',
    '--output',
    'other.cert',
  );
  const wrong = Buffer.concat([KERNEL, Uint8Array.of(0, 2, 1, 0x62)]);
  writeFileSync(join(folder, 'wrong.wasm'), wrong);
}

/** A page from disk that is cut off from any network; what it asked for is held. */
async function open(options = {}): Promise<{ page: Page; asked: string[]; errors: string[] }> {
  const context = await browser.newContext({ offline: true, ...options });
  const page = await context.newPage();
  const asked: string[] = [];
  const errors: string[] = [];
  page.on('request', (request) => asked.push(request.url()));
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  await page.goto(pathToFileURL(PAGE).href);
  await page.waitForSelector('#kernel code');
  kernelHash = (await page.textContent('#kernel code')) ?? '';
  return { page, asked, errors };
}

async function choose(page: Page, ...names: string[]): Promise<void> {
  const before = await page.locator('#list li').count();
  await page.setInputFiles(
    '#input',
    names.map((name) => join(folder, name)),
  );
  await page.waitForFunction((count) => {
    const hashes = [...document.querySelectorAll('#list .hash')];
    return (
      hashes.length === count && hashes.every(({ textContent }) => /^[0-9a-f]{64}$/.test(textContent ?? ''))
    );
  }, before + names.length);
}

/** Presses a button that verifies; the heading of the answer. */
async function answered(page: Page, button = '#verify'): Promise<string> {
  const state = page.locator('#state');
  // What it says of the last time is no answer to this one.
  await state.evaluate((it) => it.replaceChildren());
  await page.click(button);
  await page.waitForFunction(() =>
    /^(Done|Cancelled)/.test(document.getElementById('state')?.textContent ?? ''),
  );
  return (await state.textContent())?.startsWith('Cancelled')
    ? 'Cancelled'
    : String(await page.textContent('#answer-title'));
}

async function verified(...names: string[]): Promise<Page> {
  const { page } = await open();
  await choose(page, ...names);
  await answered(page);
  return page;
}

/** The words of the command that the page gives, without the first two. */
async function commandOf(page: Page): Promise<string[]> {
  const words = String(await page.textContent('.command code'));
  return words.replaceAll('\\\n', ' ').split(/\s+/).slice(1);
}

const text = async (page: Page, selector: string) =>
  (await page.locator(selector).allTextContents()).join('\n');

test('agree: the answer, its checks, its chain, its coverage and the command, as omega verify says it', async () => {
  const { page, asked, errors } = await open();
  await choose(page, 'cert.log', 'cert.hash', 'alice.omega', 'bob.omega', 'omega.pub');
  assert.deepEqual(await page.locator('#list .role').allTextContents(), [
    'Chain of certificates',
    'Hash of a chain',
    'Log',
    'Log',
    'Public key',
  ]);
  assert.equal(await answered(page), 'Right');
  const words = await commandOf(page);
  const native = omega(...words) as {
    exit: number;
    message: string;
    checks: { detail: string; status: string }[];
  };
  assert.equal(native.exit, 0);
  const shown = await text(page, '#answer .message');
  assert.equal(shown.toLowerCase(), native.message.toLowerCase());
  const list = await page.locator('#answer > div > section > .checks > li .detail').allTextContents();
  assert.equal(list.length, native.checks.length);
  for (const [at, { detail }] of native.checks.entries()) assert(list[at]?.includes(detail), detail);
  assert.equal(await page.locator('.chain > li').count(), 2);
  assert.equal(await page.locator('.coverage tbody tr').count(), 9);
  assert.match(await text(page, '.pair'), /same verdict to the bit[\s\S]*What it does not prove/);
  assert.equal(omega('kernel', 'export', '--output', join(folder, 'k.wasm')).kernel_hash, kernelHash);
  assert.deepEqual(errors, []);
  assert(
    asked.every((url) => /^(file|blob|data):/.test(url)),
    asked.join(),
  );
  await page.context().close();
});

test('a conflict: the rule, and the events side by side', async () => {
  const page = await verified('fork.cert', 'fork.omega', 'fork.second.omega', 'omega.pub');
  assert.equal(await page.textContent('#answer-title'), 'Right');
  assert.match(await text(page, '.verdict'), /conflict/);
  assert.match(await text(page, '.conflict .rule'), /Rule 3001/);
  assert.doesNotMatch(await text(page, '#answer'), /Whether it is so was not shown/);
  assert.equal(await page.locator('#answer > div > section > .conflict .events thead th').count(), 2);
  const differs = await page.locator('#answer > div > section > .conflict tr.differs th').allTextContents();
  assert.deepEqual(
    differs.map((name) => name.replace(' ≠', '')),
    ['Log', 'Place in the log', 'Payload hash', 'Event hash'],
  );
  await page.context().close();
});

test('tampering: what catches it, and undo', async () => {
  const page = await verified('omega.cert', 'alice.omega', 'bob.omega', 'omega.pub');
  await page.selectOption('#tamper-file', { label: 'alice.omega (256 bytes)' });
  await page.fill('#tamper-at', '200');
  assert.equal(await answered(page, '#tamper-do'), 'Could not check');
  const caught = await text(page, '.caught');
  assert.match(caught, /Byte 200 of alice\.omega was [0-9a-f]{2} and is [0-9a-f]{2}/);
  assert.match(caught, /Logs/);
  const bytes = readFileSync(join(folder, 'alice.omega'));
  bytes[200]! ^= 1;
  writeFileSync(join(folder, 'tampered.omega'), bytes);
  const words = (await commandOf(page)).map((word) => (word === 'alice.omega' ? 'tampered.omega' : word));
  const native = omega(...words);
  assert.equal(await text(page, '#answer header code'), native.code);
  assert.equal(await answered(page, '#tamper-undo'), 'Right');
  assert.match(await text(page, '#tamper-result'), /again: right/);
  await page.selectOption('#tamper-file', { label: 'omega.cert (1.1 kB)' });
  assert.equal(await answered(page, '#tamper-do'), 'Wrong');
  assert.match(await text(page, '.caught'), /Caught: wrong/);
  // A file that is taken away takes its flipped byte with it.
  await page.click('[aria-label="Remove omega.cert"]');
  assert.equal(await page.isDisabled('#tamper-undo'), true);
  await choose(page, 'omega.cert');
  assert.equal(await answered(page), 'Right');
  await page.context().close();
});

test('a log that was tampered with on disk, and one that was cut', async () => {
  const bytes = readFileSync(join(folder, 'fork.omega'));
  writeFileSync(join(folder, 'cut.omega'), bytes.subarray(0, bytes.length - 100));
  const page = await verified('fork.cert', 'cut.omega', 'fork.second.omega', 'omega.pub');
  assert.notEqual(await page.textContent('#answer-title'), 'Right');
  const native = omega(...(await commandOf(page)));
  assert.equal(await text(page, '#answer header code'), native.code);
  await page.context().close();
});

test('whom to trust: nobody, somebody else, whoever signed', async () => {
  const page = await verified('omega.cert', 'alice.omega', 'bob.omega');
  assert.equal(await page.textContent('#answer-title'), 'Could not check');
  await choose(page, 'other.pub');
  assert.equal(await answered(page), 'Could not check');
  assert.equal(await text(page, '#answer header code'), 'signer-untrusted');
  await page.click('[aria-label="Remove other.pub"]');
  await page.click('.more summary');
  await page.check('#any');
  assert.equal(await answered(page), 'Right');
  assert((await commandOf(page)).includes('--any-signer'));
  await page.context().close();
});

test('another kernel: missing, wrong by a byte, there', async () => {
  const page = await verified('other.cert', 'alice.omega', 'omega.pub');
  assert.equal(await page.textContent('#answer-title'), 'Could not check');
  assert.equal(await text(page, '#answer header code'), 'kernel-unknown');
  await choose(page, 'wrong.wasm');
  assert.equal(await answered(page), 'Could not check');
  assert.equal(await text(page, '#answer header code'), 'kernel-unknown');
  await choose(page, 'other.wasm');
  assert.equal(await answered(page), 'Right');
  await page.context().close();
});

test('a proof; and what is none of these files', async () => {
  const page = await verified('omega.cert', 'omega.pub', 'omega.proof');
  assert.match(await text(page, '.proof'), /is in the log "alice"/);
  assert.match(await text(page, '.proof'), /does not show the payload itself/);
  await choose(page, 'omega.key');
  assert.match(await text(page, '#list li:last-child'), /Not used[\s\S]*Not recognised/);
  await page.click('[aria-label="Remove omega.cert"]');
  assert.equal(await answered(page), 'Something is missing');
  await page.context().close();
});

test('a large log: progress, cancel in the middle, and the page stays quick', async () => {
  omega(
    'generate-events',
    '--output',
    'large.omega',
    '--count',
    String(LARGE.events),
    '--payload',
    String(LARGE.payload),
  );
  omega('check', 'large.omega', '--certify', '--cert-log', 'large.log', '--output', 'large.cert');
  const { page } = await open();
  await choose(page, 'large.cert', 'large.omega', 'omega.pub');
  await page.evaluate(() => {
    const long: number[] = [];
    Object.assign(globalThis, { long });
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) long.push(duration);
    }).observe({ type: 'longtask' });
  });
  await page.click('#verify');
  await page.waitForFunction(() => / read;/.test(document.getElementById('state')?.textContent ?? ''));
  await page.click('#cancel');
  await page.waitForFunction(() => document.getElementById('state')?.textContent === 'Cancelled.');
  assert.equal(await page.isVisible('#answer'), false);
  assert.equal(await answered(page), 'Right');
  const long = await page.evaluate(() => (globalThis as unknown as { long: number[] }).long);
  assert(Math.max(0, ...long) < 100, `tasks of the main thread took ${long} ms`);
  await page.context().close();
});

test('from a server, and then no network at all; nothing can be asked for', async () => {
  const server = await serve([join(process.cwd(), 'dist/page')], { '/': readFileSync(PAGE) });
  const context = await browser.newContext();
  const page = await context.newPage();
  const asked: string[] = [];
  await page.goto(server.url);
  await page.waitForSelector('#kernel code');
  await server.close();
  page.on('request', (request) => asked.push(request.url()));
  await context.setOffline(true);
  await choose(page, 'omega.cert', 'alice.omega', 'bob.omega', 'omega.pub');
  assert.equal(await answered(page), 'Right');
  assert(
    asked.every((url) => url.startsWith('blob:')),
    asked.join(),
  );
  const violation = page.evaluate(
    () =>
      new Promise((resolve) =>
        addEventListener('securitypolicyviolation', ({ effectiveDirective }) => resolve(effectiveDirective)),
      ),
  );
  await page.evaluate((url) => fetch(url).catch(() => {}), server.url);
  assert.equal(await violation, 'connect-src');
  await context.close();
});

test('by keyboard alone, at 360 pixels, and without fault for those who hear it', async () => {
  const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  for (const colorScheme of ['light', 'dark']) {
    const { page } = await open({ colorScheme, viewport: { width: 360, height: 740 }, bypassCSP: true });
    await choose(page, 'fork.log', 'fork.omega', 'fork.second.omega', 'omega.pub');
    // From the field for files to the button, past the files' own buttons, as Tab goes.
    await page.focus('#input');
    const seen: string[] = [];
    for (let presses = 0; presses < 20; presses++) {
      await page.keyboard.press('Tab');
      const at = await page.evaluate(
        () => document.activeElement?.id || document.activeElement?.getAttribute('aria-label'),
      );
      seen.push(String(at));
      if (at === 'verify') break;
    }
    assert.deepEqual(
      seen.slice(0, 4),
      ['fork.log', 'fork.omega', 'fork.second.omega', 'omega.pub'].map((name) => `Remove ${name}`),
    );
    await page.keyboard.press('Enter');
    await page.waitForSelector('#answer-title');
    await page.waitForFunction(() => document.getElementById('live')?.textContent?.startsWith('Right. '));
    for (const details of await page.locator('details').all())
      await details.evaluate((it) => it.setAttribute('open', ''));
    const wide = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    assert(wide <= 0, 'the page is wider than the screen');
    await page.evaluate(axe);
    const faults = await page.evaluate(async () => {
      const { axe } = globalThis as unknown as {
        axe: { run(): Promise<{ violations: { id: string; nodes: { target: unknown }[] }[] }> };
      };
      const { violations } = await axe.run();
      return violations.map(({ id, nodes }) => [id, nodes.map(({ target }) => target)]);
    });
    assert.deepEqual(faults, []);
    await page.context().close();
  }
});
