/** A node that runs, and a browser that looks at it: `omega serve` on a folder of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { newContext, startBrowser } from '../../scripts/chromium.mjs';
import { OMEGA } from './omega.js';

/** Milliseconds in which a node starts and ends, on a busy machine. */
const MOST_MILLISECONDS = 60_000;

/** An event as JSON has it. */
export interface Sent {
  id: string;
  node: number;
  lamport: string;
  payload: string;
  stream?: number;
  prev?: string;
  deps?: string[];
}

/** What sending came to. */
export interface Taken {
  accepted: number;
  certified: { height: string; set_aside: string[] } | null;
}

/** A node and a browser. */
export class NodeDesk {
  readonly folder = mkdtempSync(join(tmpdir(), 'omega-oc2-'));
  browser: Browser | undefined;
  url = '';
  #process: ChildProcess | undefined;
  #last = 0;

  async start(...flags: string[]): Promise<void> {
    await this.serve('127.0.0.1:0', ...flags);
    this.browser = await startBrowser();
  }

  async close(): Promise<void> {
    await this.browser?.close();
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Starts the node; its address stands in the first line that it says. */
  async serve(listen: string, ...flags: string[]): Promise<void> {
    const words = ['serve', '--data', this.folder, '--listen', listen, '--flush-ms', '5', ...flags];
    const node = spawn(OMEGA, words, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#process = node;
    const said: string[] = [];
    this.url = await new Promise((resolve, reject) => {
      const late = setTimeout(
        () => reject(new Error(`the node did not start: ${said.join('\n')}`)),
        MOST_MILLISECONDS,
      );
      node.once('exit', (code) => reject(new Error(`the node ended with ${code}: ${said.join('\n')}`)));
      createInterface({ input: node.stderr }).on('line', (line) => {
        said.push(line);
        // Its first words are lines of JSON; the one that says where it listens is not of its log.
        if (!line.startsWith('{"url":')) return;
        const { url } = JSON.parse(line);
        clearTimeout(late);
        resolve(url);
      });
    });
  }

  /** Ends the node as Ctrl-C does. */
  async stop(): Promise<void> {
    const node = this.#process;
    if (!node || node.exitCode !== null) return;
    const ended = new Promise((resolve) => node.once('exit', resolve));
    node.kill('SIGINT');
    const late = setTimeout(() => node.kill('SIGKILL'), MOST_MILLISECONDS);
    await ended;
    clearTimeout(late);
  }

  /** Where it listens, for starting it again there. */
  get address(): string {
    return new URL(this.url).host;
  }

  get token(): string {
    return readFileSync(join(this.folder, 'token'), 'utf8').trim();
  }

  /** Sends events and waits until they are judged. */
  async send(log: string, ...events: Sent[]): Promise<Taken> {
    const headers = { authorization: `Bearer ${this.token}`, 'content-type': 'application/json' };
    const path = `${this.url}/api/events?log=${log}&wait=certified`;
    const response = await fetch(path, { method: 'POST', headers, body: JSON.stringify(events) });
    if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
    return (await response.json()) as Taken;
  }

  /** An event that nobody has sent yet; each is a stream of its own unless it names what came before. */
  event(payload: string, more: Partial<Sent> = {}): Sent {
    this.#last += 1;
    const id = this.#last.toString(16).padStart(32, '0');
    return { id, node: 1000 + this.#last, lamport: String(this.#last), payload, ...more };
  }

  /** Two logs that agree, where one holds what the other does too. */
  async agree(): Promise<{ ask: Sent; answer: Sent }> {
    const ask = this.event('Lunch on Friday?');
    const answer = this.event('Yes, at noon', { deps: [ask.id] });
    await this.send('alice', ask);
    await this.send('bob', ask, answer);
    return { ask, answer };
  }

  /** One id with two events, in one batch or, where `accepted` is there, against what was accepted. */
  async conflict(accepted?: Sent): Promise<Taken> {
    const one = accepted ?? this.event('Meet at noon');
    if (!accepted) await this.send('alice', one);
    return this.send('mallory', { ...one, payload: `${one.payload}, or later` });
  }

  /** Has the node do something that takes the scope operate. */
  async operate<T>(path: string, body: Uint8Array<ArrayBuffer> | object = {}): Promise<T> {
    const bytes = body instanceof Uint8Array;
    const type = bytes ? 'application/wasm' : 'application/json';
    const headers = { authorization: `Bearer ${this.token}`, 'content-type': type };
    const init = { method: 'POST', headers, body: bytes ? body : JSON.stringify(body) };
    const response = await fetch(`${this.url}${path}`, init);
    if (!response.ok) throw new Error(`${path}: ${response.status}: ${await response.text()}`);
    return (await response.json()) as T;
  }

  /** Adds a kernel to those at hand; its hash. */
  async add(component: Uint8Array<ArrayBuffer>): Promise<string> {
    return (await this.operate<{ hash: string }>('/api/kernels', component)).hash;
  }

  /** Puts a kernel in place; height of the certificate that says so. */
  async swap(hash: string, accept: string[] = []): Promise<number> {
    return Number((await this.operate<{ height: string }>(`/api/kernels/${hash}/swap`, { accept })).height);
  }

  /** The bytes that the node gives at a path. */
  async bytes(path: string): Promise<Uint8Array<ArrayBuffer>> {
    const response = await fetch(`${this.url}${path}`);
    if (!response.ok) throw new Error(`${path}: ${response.status}`);
    return new Uint8Array(await response.arrayBuffer());
  }

  /** What the node answers at a path. */
  async get<T>(path: string): Promise<T> {
    const response = await fetch(`${this.url}${path}`);
    if (!response.ok) throw new Error(`${path}: ${response.status}`);
    return (await response.json()) as T;
  }

  /** The command centre, live. */
  async open(options: BrowserContextOptions = {}): Promise<Seen> {
    if (!this.browser) throw new Error('there is no browser');
    const context = await newContext(this.browser, {
      viewport: { width: 1280, height: 900 },
      ...options,
    });
    const page = await context.newPage();
    const errors: string[] = [];
    const elsewhere: string[] = [];
    page.on('pageerror', (error) => errors.push(String(error)));
    page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
    page.on('request', (request) => {
      const url = request.url();
      if (!url.startsWith(`${this.url}/`) && !/^(blob|data):/.test(url)) elsewhere.push(url);
    });
    await page.goto(this.url);
    await live(page);
    return { page, errors, elsewhere };
  }
}

/** A page, what went wrong in it, and what it asked of others than its node. */
export interface Seen {
  page: Page;
  errors: string[];
  elsewhere: string[];
}

/** Waits until the page hears what happens. */
export async function live(page: Page): Promise<void> {
  await page.waitForFunction(() => document.getElementById('link')?.textContent === 'Live');
}

/** Answers the question for a token with a wrong one, which is refused, and then with this one. */
export async function answerAsk(page: Page, token: string): Promise<void> {
  await holds(page, '#ask-why', 'This takes a token that may operate the node.');
  await page.fill('#ask-token', 'omega_wrong');
  await page.keyboard.press('Enter');
  await holds(page, '#ask-why', 'This token is not known.');
  await page.fill('#ask-token', token);
  await page.keyboard.press('Enter');
}

/** Waits until an element holds a text. */
export async function holds(page: Page, selector: string, text: string | RegExp): Promise<void> {
  await page.locator(selector).filter({ hasText: text }).first().waitFor({ state: 'visible' });
}

/** Verifies the point that is chosen; the heading of the answer. */
export async function verifyPoint(page: Page): Promise<string> {
  await page.click('#point-verify');
  return pointVerified(page);
}

/** Waits for the answer about a point. */
export async function pointVerified(page: Page): Promise<string> {
  await page.waitForFunction(
    () => !(document.getElementById('point-verify') as HTMLButtonElement).disabled,
    undefined,
    { timeout: MOST_MILLISECONDS },
  );
  return String(await page.textContent('#point-answer h3'));
}

/** How many points of the map's canvas have a colour. */
export function pixels(page: Page, [red, green, blue]: [number, number, number]): Promise<number> {
  return page.locator('#map').evaluate(
    (canvas, [red, green, blue]) => {
      const map = canvas as HTMLCanvasElement;
      const data = map.getContext('2d')?.getImageData(0, 0, map.width, map.height).data ?? [];
      let count = 0;
      for (let at = 0; at < data.length; at += 4) {
        if (data[at] === red && data[at + 1] === green && data[at + 2] === blue) count += 1;
      }
      return count;
    },
    [red, green, blue],
  );
}
