/** The verify page in a real browser: evidence that the command makes in a folder, and what people do with it. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { newContext, startBrowser } from '../../scripts/chromium.mjs';
import { OMEGA } from './omega.js';

/** The page as it is built. */
export const PAGE = join(process.cwd(), 'dist/page/index.html');

/** Milliseconds in which the slowest answer is there, on a busy machine. */
const MOST_MILLISECONDS = 240_000;

/** What the command prints, as much of it as tests look at. */
export interface Printed {
  exit: number;
  code: string | null;
  number: number | null;
  outcome: string;
  message: string;
  hint: string | null;
  checks?: { check: string; status: string; detail: string }[];
  certificates: { conflict: Conflict | null }[];
  [field: string]: unknown;
}

/** A conflict, as it prints it. */
export interface Conflict {
  predicate: number;
  kind: string;
  sentence: string;
  events: Record<string, unknown>[];
  accepted: Record<string, unknown> | null;
}

/** A page, what it asked for and what went wrong in it. */
export interface Opened {
  page: Page;
  asked: string[];
  errors: string[];
}

/** Words of the command line, which a page has no use for. */
const FOR_COMMAND = /--[a-z]|`(omega|b3sum|check|import) /;

/** A folder of evidence, and a browser. */
export class Desk {
  readonly folder = mkdtempSync(join(tmpdir(), 'omega-verify-page-'));
  browser: Browser | undefined;

  /** Starts the browser, with further flags. */
  async start(...flags: string[]): Promise<void> {
    this.browser = await startBrowser(undefined, flags);
  }

  async close(): Promise<void> {
    await this.browser?.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Runs the command in the folder; its object. That logs conflict or evidence is wrong is no error here. */
  omega(...words: string[]): Printed {
    return this.#printed(OMEGA, words);
  }

  /** Runs the command that a page gives, as a shell reads it. */
  async repeated(page: Page): Promise<Printed> {
    const command = String(await page.textContent('.command code'));
    return this.#printed('/bin/sh', ['-c', command]);
  }

  #printed(program: string, words: string[]): Printed {
    const env = { ...process.env, PATH: `${dirname(OMEGA)}${delimiter}${process.env.PATH}` };
    try {
      const stdio: ['ignore', 'pipe', 'pipe'] = ['ignore', 'pipe', 'pipe'];
      return JSON.parse(execFileSync(program, words, { cwd: this.folder, env, stdio, encoding: 'utf8' }));
    } catch (error) {
      const { status, stdout } = error as { status?: number; stdout?: string };
      if (![2, 10, 20, 30].includes(status ?? -1)) throw error;
      return JSON.parse(String(stdout));
    }
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  read(name: string): Buffer {
    return readFileSync(this.path(name));
  }

  write(name: string, bytes: Uint8Array | string): void {
    writeFileSync(this.path(name), bytes);
  }

  /** Judges logs and certifies the verdict, which starts a chain: NAME.cert and NAME.log. */
  certify(name: string, ...logs: string[]): void {
    const flags = ['--cert-log', `${name}.log`, '--output', `${name}.cert`];
    this.omega('check', '--no-crash-folder', ...logs, '--certify', ...flags);
  }

  /** Two logs that agree, two keys, and a chain that certifies the logs: cert.log, omega.cert. */
  lunch(): void {
    this.omega('append', '--log', 'alice.omega', '--node', '1', '--payload', 'Lunch on Friday?');
    const bob = ['--log', 'bob.omega', '--node', '2', '--seen', 'alice.omega'];
    this.omega('append', ...bob, '--payload', 'Yes, at noon');
    this.omega('keygen');
    this.omega('keygen', '--output', 'other.key');
    this.omega('check', 'alice.omega', 'bob.omega', '--certify');
  }

  /** The id of the first event of a log. */
  firstEvent(log: string): string {
    const { events } = this.omega('explain', '--json', '--events', '--input', log);
    return String(/[0-9a-f]{32}/.exec(JSON.stringify(events)));
  }

  /** The verify page from disk, ready. */
  async open(options: BrowserContextOptions = {}): Promise<Opened> {
    const it = await this.openFile(PAGE, options);
    await it.page.waitForSelector('#kernel code');
    return it;
  }

  /** A page from disk that is cut off from any network. */
  async openFile(path: string, options: BrowserContextOptions = {}): Promise<Opened> {
    if (!this.browser) throw new Error('there is no browser');
    const context = await newContext(this.browser, { offline: true, ...options });
    const page = await context.newPage();
    const asked: string[] = [];
    const errors: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    page.on('pageerror', (error) => errors.push(String(error)));
    page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
    await page.goto(pathToFileURL(path).href);
    return { page, asked, errors };
  }

  /** Hands files of the folder to the page and waits until each was looked at. */
  async choose(page: Page, ...names: string[]): Promise<void> {
    const before = await page.locator('#list li').count();
    await page.setInputFiles(
      '#input',
      names.map((name) => this.path(name)),
    );
    await looked(page, before + names.length);
  }

  /** A page that has verified these files. */
  async verified(...names: string[]): Promise<Page> {
    const { page } = await this.open();
    await this.choose(page, ...names);
    await answered(page);
    return page;
  }
}

/** Takes files away, all of them where none is named. */
export async function remove(page: Page, ...names: string[]): Promise<void> {
  for (const name of names) await page.getByRole('button', { name: `Remove ${name}`, exact: true }).click();
  if (names.length > 0) return;
  const buttons = page.locator('#list button');
  while ((await buttons.count()) > 0) await buttons.first().click();
}

/** Waits until so many files were looked at. */
export async function looked(page: Page, count: number): Promise<void> {
  await page.waitForFunction((count) => {
    const hashes = [...document.querySelectorAll('#list .hash')];
    return (
      hashes.length === count &&
      hashes.every(({ textContent }) => /^([0-9a-f]{64})?$/.test(textContent ?? ''))
    );
  }, count);
}

/**
 * Presses a button that verifies; the heading of the answer. Whatever is answered, none of it speaks of the
 * command line but the command itself.
 */
export async function answered(page: Page, button = '#verify'): Promise<string> {
  const state = page.locator('#state');
  // What it says of the last time is no answer to this one.
  await state.evaluate((it) => it.replaceChildren());
  await page.click(button);
  await page.waitForFunction(
    () => /^(Done|Cancelled)/.test(document.getElementById('state')?.textContent ?? ''),
    undefined,
    { timeout: MOST_MILLISECONDS },
  );
  if ((await state.textContent())?.startsWith('Cancelled')) return 'Cancelled';
  const told = await page.locator('#answer p, #answer li').allTextContents();
  for (const words of told) assert.doesNotMatch(words, FOR_COMMAND);
  return String(await page.textContent('#answer-title'));
}

/** All text of what a selector finds. */
export const text = async (page: Page, selector: string) =>
  (await page.locator(selector).allTextContents()).join('\n');

/** What finds faults that keep people out who cannot see or hear all of a page. */
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

/** Everything unfolded, the page is no wider than the screen, and axe finds nothing. Needs `bypassCSP`. */
export async function sound(page: Page): Promise<void> {
  for (const details of await page.locator('details').all()) {
    await details.evaluate((it) => it.setAttribute('open', ''));
  }
  const wide = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  assert(wide <= 0, 'the page is wider than the screen');
  await page.evaluate(readFileSync(AXE, 'utf8'));
  const faults = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: { run(): Promise<{ violations: { id: string; nodes: { target: unknown }[] }[] }> };
    };
    const { violations } = await axe.run();
    return violations.map(({ id, nodes }) => [id, nodes.map(({ target }) => target)]);
  });
  assert.deepEqual(faults, []);
}

/** That the page answers as the command that it gives: exit, code, number and message. */
export async function sameAsCommand(desk: Desk, page: Page): Promise<Printed> {
  const native = await desk.repeated(page);
  const heading = { 0: 'Right', 20: 'Wrong', 30: 'Could not check' }[native.exit];
  assert.equal(await page.textContent('#answer-title'), heading, JSON.stringify(native));
  const coded = native.code === null ? '' : `${native.code} · ${native.number} · exit ${native.exit}`;
  assert.equal(await text(page, '#answer header .small'), coded);
  const plain = (words: string) => words.toLowerCase().replace(/\.$/, '');
  assert.equal(plain(await text(page, '#answer header .message')), plain(native.message));
  const details = await page.locator('#answer > div > section > .checks > li .badge').count();
  assert.equal(details, native.checks?.length ?? 0);
  return native;
}
