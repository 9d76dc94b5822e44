/** What is published: all that it takes and nothing else, and it works where it is installed. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { build } from 'vite';
import { newContext, serve, startBrowser } from '../scripts/chromium.mjs';
import { KERNEL } from './support/fixtures.js';
import { type Packed, packed } from './support/packed.js';

let installed: Packed;
let browser: Browser;
before(async () => {
  installed = packed();
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  installed?.remove();
});

test('what is in it', () => {
  const code = installed.files.filter((path) => !path.startsWith('dist/types/')).sort();
  assert.deepEqual(code, [
    'README.md',
    'dist/index.js',
    'dist/kernel.js',
    'dist/kernel.wasm',
    'dist/loader.wasm',
    'dist/node/cli.js',
    'dist/node/index.js',
    'dist/node/kernel.js',
    'dist/node/worker.cjs',
    'dist/worker.js',
    'package.json',
  ]);
  const types = installed.files.filter((path) => path.startsWith('dist/types/'));
  assert(types.includes('dist/types/index.d.ts') && types.every((path) => path.endsWith('.d.ts')));
  const about = JSON.parse(readFileSync(installed.path('node_modules/omega-verify/package.json'), 'utf8'));
  assert.deepEqual([about.dependencies, about.peerDependencies], [undefined, undefined]);
  // It was installed alone, and each place that its package.json names is there.
  assert.deepEqual(
    readdirSync(installed.path('node_modules')).filter((name) => !name.startsWith('.')),
    ['omega-verify'],
  );
  const named: string[] =
    JSON.stringify([about.exports, about.bin, about.types]).match(/\.\/dist[^"]+/g) ?? [];
  for (const path of named) assert(installed.files.includes(path.slice(2)), path);
});

test('imported and run in Node, without a bundler', () => {
  const said = installed.run(
    'npx',
    '--no-install omega-verify --cert a.cert --trust judge.pub --input a.omega',
  );
  assert.match(JSON.parse(said).message, /is sound: the logs agree/);
  installed.write(
    'use.js',
    `import { Isolate, verify } from 'omega-verify';
    import { Kernel } from 'omega-verify/kernel';
    import { createRequire } from 'node:module';
    import { readFileSync } from 'node:fs';
    const { outcome } = await verify({ certificates: 'a.cert', logs: ['a.omega'], trust: { anySigner: true } });
    const kernel = createRequire(import.meta.url).resolve('omega-verify/kernel.wasm');
    const isolate = new Isolate();
    const { merged } = await isolate.judge({ kernel, logs: [{ input: 'a.omega' }] });
    isolate.close();
    const { checkerVersion } = await (await Kernel.compile(readFileSync(kernel))).describe();
    console.log(outcome, merged, checkerVersion);`,
  );
  assert.equal(installed.run(process.execPath, 'use.js'), 'verified true 1\n');
});

test('its types are whole, for Node and for bundlers', () => {
  installed.write(
    'use.ts',
    `import { type Evidence, type Verification, verify } from 'omega-verify';
    import { Kernel } from 'omega-verify/kernel';
    const evidence: Evidence = { certificates: 'a.cert', logs: ['a.omega'], trust: { keys: ['00'] } };
    const answer: Promise<Verification> = verify(evidence);
    // @ts-expect-error: a number is no certificate
    verify({ certificates: 5 });
    export default [answer, Kernel];`,
  );
  const compiler = join(process.cwd(), 'node_modules/typescript/bin/tsc');
  symlinkSync(join(process.cwd(), 'node_modules/@types'), installed.path('node_modules/@types'));
  for (const resolution of ['--module nodenext', '--module esnext --moduleResolution bundler']) {
    const flags = `--noEmit --strict --target es2022 --types node ${resolution} use.ts`;
    assert.equal(installed.run(process.execPath, `${compiler} ${flags}`), '');
  }
});

/** A page that verifies the files that it is given. */
const APP = `
  const chosen = document.querySelector('input');
  chosen.addEventListener('change', async () => {
    const file = (end) => [...chosen.files].find(({ name }) => name.endsWith(end));
    const trust = { keys: [file('.pub')] };
    const answer = await verify({ certificates: file('.cert'), logs: [file('.omega')], trust });
    document.querySelector('output').textContent = answer.outcome + ': ' + answer.text;
  });
  document.querySelector('output').textContent = 'ready';
`;
const BODY = '<!doctype html><title>app</title><input type="file" multiple><output></output>';

/** What the page at an address says of the evidence; what it asked the server for. */
async function verifiedAt(url: string): Promise<{ said: string; asked: string[] }> {
  const page = await (await newContext(browser)).newPage();
  const asked: string[] = [];
  page.on('request', (request) => asked.push(request.url().replace(url, '')));
  await page.goto(url);
  const says = (start: string) =>
    page.waitForFunction(
      (start) => document.querySelector('output')?.textContent?.startsWith(start) === true,
      start,
    );
  await says('ready');
  await page.setInputFiles('input', ['a.cert', 'a.omega', 'judge.pub'].map(installed.path));
  await says('verified: ');
  const said = await page.textContent('output');
  await page.close();
  return { said: String(said), asked };
}

test('built by Vite into an app, which takes loader and kernel along', async () => {
  installed.write('main.js', `import { verify } from 'omega-verify';${APP}`);
  installed.write('index.html', `${BODY}<script type="module" src="./main.js"></script>`);
  await build({ root: installed.folder, base: './', logLevel: 'warn', configFile: false });
  const assets = readdirSync(installed.path('dist/assets'));
  const [kernel] = assets.filter((name) => /^kernel-.*\.wasm$/.test(name));
  assert(kernel && assets.some((name) => /^loader-.*\.wasm$/.test(name)), assets.join());
  assert.deepEqual(new Uint8Array(readFileSync(installed.path(`dist/assets/${kernel}`))), KERNEL);
  const server = await serve([installed.path('dist')], {
    '/': readFileSync(installed.path('dist/index.html')),
  });
  const { said, asked } = await verifiedAt(server.url);
  assert.match(said, /^verified: .*the logs agree/);
  assert(asked.includes(`assets/${kernel}`), asked.join());
  await server.close();
});

test('in a page from any server, with no more than <script type=module>', async () => {
  const modules = installed.path('node_modules');
  const script = `<script type="module">import { verify } from '/omega-verify/dist/index.js';${APP}</script>`;
  const server = await serve([modules], { '/': BODY + script });
  const { said, asked } = await verifiedAt(server.url);
  assert.match(said, /^verified: .*the logs agree/);
  assert.deepEqual(asked.filter((path) => path.startsWith('omega-verify')).sort(), [
    'omega-verify/dist/index.js',
    'omega-verify/dist/kernel.wasm',
    'omega-verify/dist/loader.wasm',
  ]);
  await server.close();
});
