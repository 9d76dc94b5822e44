/**
 * The command centre as one file, for `omega serve` to show: markup, style, scripts and the loader are in it.
 * It asks its own origin alone; kernels come from there, by hash.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync } from 'node:zlib';
import { build } from 'vite';
import { script } from './bundle.mjs';
import { filled, loader, ours, style } from './single.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
/** Bytes that the page may have, compressed. */
const MOST = 320_000;

/** Builds the page into a folder. A page that comes out the same is left alone: the command is built with it. */
export async function oc2(folder) {
  const { toText } = await ours('embedded');
  const parts = {
    style: await style('oc2/oc2.css'),
    script: await bundled('oc2/main.ts'),
    worker: await script('oc2/audit-worker.ts'),
    loader: toText(await loader()),
  };
  const whole = filled(await readFile(join(root, 'oc2/index.html'), 'utf8'), parts, "'self'");
  const path = join(folder, 'index.html');
  const before = await readFile(path, 'utf8').catch(() => undefined);
  if (whole !== before) {
    await mkdir(folder, { recursive: true });
    await writeFile(path, whole);
  }
  const compressed = brotliCompressSync(whole).length;
  console.log(`oc2/index.html: ${Buffer.byteLength(whole)} bytes, ${compressed} brotli`);
  console.log(`oc2/index.html: SHA-256 ${createHash('sha256').update(whole).digest('hex')}`);
  if (compressed > MOST) throw new Error(`the command centre has more than ${MOST} bytes with brotli`);
}

/** The page's own script, with what it takes of D3. */
async function bundled(entry) {
  const [{ output }] = [
    await build({
      configFile: false,
      root,
      logLevel: 'warn',
      build: {
        write: false,
        target: 'es2022',
        modulePreload: false,
        rollupOptions: { input: join(root, entry), output: { format: 'iife' } },
      },
    }),
  ].flat();
  const chunks = output.filter(({ type }) => type === 'chunk');
  if (chunks.length !== 1) throw new Error(`the command centre has ${chunks.length} scripts, not one`);
  return chunks[0].code.trim();
}
