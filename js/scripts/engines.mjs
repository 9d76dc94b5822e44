/** What Node and Chromium make of a corpus: `node scripts/engines.mjs FOLDER`. `make engines` writes it first. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.mjs';
import { serve, startBrowser } from './chromium.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const out = join(root, 'build/engines');
const folder = resolve(process.argv[2] ?? out);
await mkdir(out, { recursive: true });

async function inNode() {
  const outfile = join(out, 'run.node.mjs');
  await bundle({ platform: 'node', entry: 'test/engines/run.ts', outfile });
  const { run } = await import(outfile);
  const read = async (name) => new Uint8Array(await readFile(join(folder, name)));
  const corpus = JSON.parse(await readFile(join(folder, 'corpus.json'), 'utf8'));
  const answers = await run(corpus, await read('corpus.bin'), await read('kernel.wasm'));
  await write('Node', `Node ${process.versions.node}, V8 ${process.versions.v8}`, answers);
}

async function inChromium() {
  await bundle({ platform: 'browser', entry: 'test/engines/run.ts', outfile: join(out, 'run.browser.js') });
  const { url, close } = await serve([folder, out], { '/': '<!doctype html><title>engines</title>' });
  const browser = await startBrowser();
  try {
    const page = await browser.newPage();
    await page.goto(url);
    const text = await page.evaluate(async () => {
      const { run } = await import('/run.browser.js');
      const bytes = async (name) => new Uint8Array(await (await fetch(name)).arrayBuffer());
      const corpus = await (await fetch('/corpus.json')).json();
      const answers = await run(corpus, await bytes('/corpus.bin'), await bytes('/kernel.wasm'));
      const pieces = [];
      for (let at = 0; at < answers.length; at += 8190) {
        pieces.push(btoa(String.fromCharCode(...answers.subarray(at, at + 8190))));
      }
      return pieces.join('');
    });
    await write('Chromium', `Chromium ${browser.version()}`, Buffer.from(text, 'base64'));
  } finally {
    await browser.close();
    await close();
  }
}

async function write(engine, version, answers) {
  await writeFile(join(folder, `${engine}.answers`), answers);
  await writeFile(join(folder, `${engine}.json`), JSON.stringify({ engine, version }));
  console.log(`${engine}, ${version}: ${answers.length} bytes of answers`);
}

await inNode();
await inChromium();
