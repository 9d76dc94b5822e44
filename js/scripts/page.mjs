/**
 * The verify page as one file, which asks for nothing else: markup, style, scripts, the loader and the
 * kernel are in it. Its policy names the hashes of its own script and style, and forbids all else.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync } from 'node:zlib';
import { script } from './bundle.mjs';
import { filled, loader, ours, style } from './single.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
/** Bytes that page and verifier may have, compressed, without the kernel; and the kernel. */
const MOST = 250_000;
const MOST_OF_KERNEL = 120_000;
/** Characters before the place for parts: whoever unpacks an evidence file looks no further for it. */
const MOST_BEFORE = 200_000;

/** Where the page may ask once it is loaded. */
const NOWHERE = "'none'";

/** Builds the page into a folder; gives its sizes. */
export async function page(kernel, folder) {
  const { toText } = await ours('embedded');
  const { PLACE, END } = await ours('bundle');
  const parts = {
    style: await style('page/page.css'),
    script: await script('page/main.ts'),
    worker: await script('page/worker.ts'),
    loader: toText(await loader()),
    kernel: toText(kernel),
  };
  const template = await readFile(join(root, 'page/index.html'), 'utf8');
  const whole = filled(template, parts, NOWHERE);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'index.html'), whole);
  const before = whole.indexOf(PLACE) + PLACE.length;
  const behind = whole.indexOf(END, before);
  if (before < PLACE.length || before > MOST_BEFORE || behind !== whole.indexOf('</script>', before) + 10) {
    throw new Error('the place for the parts of an evidence file is not where it should be');
  }
  const without = brotliCompressSync(filled(template, { ...parts, kernel: '' }, NOWHERE)).length;
  const kernelAlone = brotliCompressSync(kernel).length;
  const bytes = Buffer.byteLength(whole);
  console.log(
    `page/index.html: ${bytes} bytes, ${brotliCompressSync(whole).length} brotli; ${without} brotli without the kernel, which has ${kernelAlone}`,
  );
  console.log(`page/index.html: SHA-256 ${createHash('sha256').update(whole).digest('hex')}`);
  // What is equal in this page and in every evidence file that is made with it: `omega explain` says it of both.
  const frame = whole.slice(whole.indexOf('-->\n') + 4, before) + whole.slice(behind);
  console.log(`page/index.html: SHA-256 of its frame ${createHash('sha256').update(frame).digest('hex')}`);
  if (kernelAlone > MOST_OF_KERNEL)
    throw new Error(`the kernel has more than ${MOST_OF_KERNEL} bytes with brotli`);
  if (without > MOST) throw new Error(`page and verifier have more than ${MOST} bytes with brotli`);
}
