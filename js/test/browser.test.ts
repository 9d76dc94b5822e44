/** The package in a real browser: from a server, from disk, without a network; and kernels that mean no good. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { newContext, serve, startBrowser } from '../scripts/chromium.mjs';
import type * as Package from '../src/index.js';
import { log } from './support/fixtures.js';
import { FOREVER, grow, hostile } from './support/hostile.js';
import { OMEGA } from './support/omega.js';

declare global {
  // What the page makes of the package.
  var omega: typeof Package;
}

/** Evidence that the command makes: two logs, their certificate, and a third log that is none of them. */
function evidence(): Record<string, Uint8Array> {
  const cwd = mkdtempSync(join(tmpdir(), 'omega-evidence-'));
  const omega = (flags: string) => execFileSync(OMEGA, flags.split(' '), { cwd, stdio: 'pipe' });
  omega('keygen --output judge.key');
  omega('generate-events --output a.omega --count 200 --nodes 2 --split-by node');
  omega('reconcile --input a.1.omega --input a.2.omega --output a.result');
  omega('certify --result a.result --key judge.key --output a.cert');
  const read = (name: string) => [`/${name}`, new Uint8Array(readFileSync(join(cwd, name)))] as const;
  const made = ['a.1.omega', 'a.2.omega', 'a.cert', 'judge.pub'].map(read);
  rmSync(cwd, { recursive: true });
  return Object.fromEntries(made);
}

/** Kernels that are made here and served to the page. */
const files: Record<string, string | Uint8Array> = {
  ...evidence(),
  '/loops.wasm': hostile({ 'session.feed': [...FOREVER, 0x00] }),
  '/grows.wasm': hostile({ 'session.feed': [...grow(9600), 0x1a, 0x41, 8] }),
  '/traps.wasm': hostile({ 'session.feed': [0x00] }),
  '/escapes.wasm': hostile({}, { imports: [['constructor', 'constructor']] }),
  '/deps.omega': log('accept/deps'),
  '/conflict.omega': log('reject/1001-equal'),
  '/': '<!doctype html><title>omega</title><script type=module>globalThis.omega = await import("/index.js")</script>',
  // The same page, which is given a policy below.
  '/strict':
    '<!doctype html><title>omega</title><script type=module>globalThis.omega = await import("/index.js")</script>',
};

let browser: Browser;
let server: { url: string; close(): Promise<void> };
before(async () => {
  server = await serve([join(process.cwd(), 'dist')], files);
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await server?.close();
});

async function open(url = server.url): Promise<Page> {
  const page = await (await newContext(browser)).newPage();
  await page.goto(url);
  await page.waitForFunction(() => globalThis.omega !== undefined);
  return page;
}

/** What judging a served log with a served kernel ends with, in a page. */
function judged(page: Page, kernel: string, log: string, baseMilliseconds = 10_000): Promise<unknown> {
  return page.evaluate(
    async ([kernel, log, baseMilliseconds]) => {
      const bytes = async (name: string) => new Uint8Array(await (await fetch(name)).arrayBuffer());
      const limits = { ...omega.LIMITS, baseMilliseconds };
      const isolate = new omega.Isolate({ limits });
      try {
        const input = new File([await bytes(log)], log.slice(1));
        const { merged, body } = await isolate.judge({ kernel: await bytes(kernel), logs: [{ input }] });
        return { merged, body: body.length };
      } catch (error) {
        if (!(error instanceof omega.Failure)) throw error;
        return error.code;
      } finally {
        isolate.close();
      }
    },
    [kernel, log, baseMilliseconds] as const,
  );
}

test('agree and conflict, from a server', async () => {
  const page = await open();
  assert.deepEqual(await judged(page, '/kernel.wasm', '/deps.omega'), { merged: true, body: 636 });
  assert.equal(
    ((await judged(page, '/kernel.wasm', '/conflict.omega')) as { merged: boolean }).merged,
    false,
  );
  assert.equal(await judged(page, '/kernel.wasm', '/kernel.wasm'), 'not-an-omega-log');
  assert.equal(await judged(page, '/deps.omega', '/deps.omega'), 'kernel-invalid');
  await page.close();
});

test('verified from a server: what stands beside the module is found', async () => {
  const page = await open();
  const answers = await page.evaluate(async () => {
    const file = async (name: string) => new File([await (await fetch(name)).blob()], name);
    const certificates = await file('/a.cert');
    const trust = { keys: [await file('/judge.pub')] };
    const logs = [await file('/a.1.omega'), await file('/a.2.omega')];
    const right = await omega.verify({ certificates, logs, trust });
    const changed = new Uint8Array(await (await fetch('/kernel.wasm')).arrayBuffer());
    changed[200_000] = (changed[200_000] ?? 0) ^ 1;
    const refused = await omega.verify({ certificates, logs, trust, kernel: changed });
    const streams = logs.map((log) => log.stream());
    const streamed = await omega.verify({ certificates, logs: streams, trust });
    const cut = await omega.verify({
      certificates,
      logs: [logs[0]?.slice(0, -9) ?? '', logs[1] ?? ''],
      trust,
    });
    const path = await omega.verify({ certificates: 'a.cert' });
    const signal = AbortSignal.abort();
    const given = await omega.verify({ certificates, logs, trust, signal }).catch((error) => error.code);
    return [...[right, refused, streamed, cut, path].map(({ exit, code }) => [exit, code]), given];
  });
  assert.deepEqual(answers, [
    [0, null],
    [30, 'kernel-unknown'],
    [0, null],
    [30, 'torn-tail'],
    [2, 'usage'],
    'interrupted',
  ]);
  await page.close();
});

test('kernels that mean no good: a code each, and the tab is as it was', async () => {
  const page = await open();
  assert.equal(await judged(page, '/loops.wasm', '/deps.omega', 300), 'kernel-deadline');
  assert.equal(await judged(page, '/grows.wasm', '/deps.omega'), 'kernel-memory-limit');
  assert.equal(await judged(page, '/traps.wasm', '/deps.omega'), 'kernel-trapped');
  assert.equal(await judged(page, '/escapes.wasm', '/deps.omega'), 'kernel-invalid');
  assert.deepEqual(await judged(page, '/kernel.wasm', '/deps.omega'), { merged: true, body: 636 });
  await page.close();
});

test('a stream, and giving up while a kernel runs', async () => {
  const page = await open();
  const ends = await page.evaluate(async () => {
    const isolate = new omega.Isolate();
    const body = async (name: string) => (await fetch(name)).body as ReadableStream<Uint8Array>;
    const kernel = await (await fetch('/kernel.wasm')).blob();
    const { merged } = await isolate.judge({ kernel, logs: [{ input: await body('/deps.omega') }] });
    const loops = await (await fetch('/loops.wasm')).blob();
    const failure = await isolate
      .judge(
        { kernel: loops, logs: [{ input: await body('/deps.omega') }] },
        { signal: AbortSignal.timeout(300) },
      )
      .catch((error: unknown) => error);
    const again = await isolate.judge({ kernel, logs: [{ input: await body('/deps.omega') }] });
    isolate.close();
    return [merged, failure instanceof omega.Failure && failure.code, again.merged];
  });
  assert.deepEqual(ends, [true, 'interrupted', true]);
  await page.close();
});

test('a policy that forbids blobs: the worker from where it is served', async () => {
  const page = await (await newContext(browser)).newPage();
  await page.route('**/strict', async (route) => {
    const headers = { 'content-type': 'text/html', 'content-security-policy': "worker-src 'self'" };
    await route.fulfill({ body: String(files['/strict']), headers });
  });
  await page.goto(`${server.url}strict`);
  await page.waitForFunction(() => globalThis.omega !== undefined);
  const described = await page.evaluate(async () => {
    const kernel = await (await fetch('/kernel.wasm')).blob();
    const code = (error: unknown) => (error as Package.Failure).code;
    const blob = await new omega.Isolate().describe(kernel).catch(code);
    const isolate = new omega.Isolate({ workerUrl: new URL('/worker.js', location.href) });
    const served = await isolate.describe(kernel).catch(code);
    return [blob, typeof served === 'string' ? served : served?.checkerVersion];
  });
  assert.deepEqual(described, ['internal', 1]);
  await page.close();
});

test('from disk, without a network, all in one page', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'omega-page-'));
  const base64 = (name: string) => readFileSync(join('dist', name)).toString('base64');
  const html = `<!doctype html><title>omega</title><script type=module>
    const bytes = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    const url = URL.createObjectURL(new Blob([bytes("${base64('index.js')}")], { type: 'text/javascript' }));
    globalThis.kernel = bytes("${base64('kernel.wasm')}");
    globalThis.loader = bytes("${base64('loader.wasm')}");
    globalThis.omega = await import(url);
  </script>`;
  writeFileSync(join(folder, 'page.html'), html);
  const context = await newContext(browser, { offline: true });
  const page = await context.newPage();
  const asked: string[] = [];
  page.on('request', (request) => asked.push(request.url()));
  await page.goto(pathToFileURL(join(folder, 'page.html')).href);
  await page.waitForFunction(() => globalThis.omega !== undefined);
  const deps = [...log('accept/deps')];
  const merged = await page.evaluate(async (deps) => {
    const isolate = new omega.Isolate();
    const { kernel } = globalThis as unknown as { kernel: Uint8Array };
    return (await isolate.judge({ kernel, logs: [{ input: Uint8Array.from(deps) }] })).merged;
  }, deps);
  assert.equal(merged, true);
  const evidence = ['/a.1.omega', '/a.2.omega', '/a.cert'].map((name) => [...Buffer.from(files[name] ?? '')]);
  const verified = await page.evaluate(async (evidence) => {
    const { kernel, loader } = globalThis as unknown as Record<'kernel' | 'loader', Uint8Array<ArrayBuffer>>;
    const [one, two, certificates] = evidence.map((bytes) => Uint8Array.from(bytes));
    const given = { certificates: certificates ?? '', logs: [one ?? '', two ?? ''], kernel, loader };
    const { outcome, text } = await omega.verify({ ...given, trust: { anySigner: true } });
    return outcome === 'verified' ? outcome : text;
  }, evidence);
  assert.equal(verified, 'verified');
  assert(
    asked.every((url) => url.startsWith('file:') || url.startsWith('blob:')),
    asked.join(),
  );
  await context.close();
  rmSync(folder, { recursive: true });
});
