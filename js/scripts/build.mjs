/**
 * Builds the package into `dist` from a built kernel: `node scripts/build.mjs [--kernel FILE]`.
 * `make web` writes the kernel first, with `omega kernel export`.
 */
import { execFileSync } from 'node:child_process';
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { brotliCompressSync } from 'node:zlib';
import { bundle, workerSource } from './bundle.mjs';
import { generate } from './glue.mjs';
import { page } from './page.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'dist');
const { values } = parseArgs({
  options: { kernel: { type: 'string', default: join(root, 'build/kernel.wasm') } },
});
const component = await readFile(values.kernel).catch(() => {
  console.error(`there is no kernel at ${values.kernel}: make web builds it`);
  process.exit(1);
});
await mkdir(join(root, 'build'), { recursive: true });
await rm(dist, { recursive: true, force: true });
await generate(component);
for (const platform of ['browser', 'node']) {
  const folder = platform === 'node' ? join(dist, 'node') : dist;
  await bundle({ platform, entry: 'src/index.ts', outfile: join(folder, 'index.js') });
  await bundle({ platform, entry: 'src/direct.ts', outfile: join(folder, 'kernel.js') });
  await writeFile(
    join(folder, platform === 'node' ? 'worker.cjs' : 'worker.js'),
    await workerSource(platform),
  );
}
await copyFile(values.kernel, join(dist, 'kernel.wasm'));
execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.types.json'], {
  cwd: root,
  stdio: 'inherit',
});
// The interfaces that the types name are declarations already: the compiler does not copy those.
const interfaces = join(root, 'src/generated/glue/interfaces');
await mkdir(join(dist, 'types/generated/glue/interfaces'), { recursive: true });
for (const name of await readdir(interfaces)) {
  await copyFile(join(interfaces, name), join(dist, 'types/generated/glue/interfaces', name));
}
for (const name of ['index.js', 'kernel.js', 'worker.js', 'kernel.wasm']) {
  const bytes = await readFile(join(dist, name));
  console.log(`${name}: ${bytes.length} bytes, ${brotliCompressSync(bytes).length} brotli`);
}
await page(component, join(dist, 'page'));
