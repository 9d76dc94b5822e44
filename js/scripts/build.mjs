/**
 * Builds the package into `dist` from a built kernel: `node scripts/build.mjs [--kernel FILE]`.
 * `make web` writes the kernel first, with `omega kernel export`, and the loader, with `scripts/loader.sh`.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { brotliCompressSync } from 'node:zlib';
import { bundle, workerSource } from './bundle.mjs';
import { generate } from './glue.mjs';
import { oc2 } from './oc2.mjs';
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
if (!existsSync(join(root, 'build/loader/loader_bg.wasm'))) {
  console.error('there is no loader in build/loader: make web builds it');
  process.exit(1);
}
await mkdir(join(root, 'build'), { recursive: true });
// The command is built with the command centre: where that comes out the same, it is not touched.
for (const name of await readdir(dist).catch(() => [])) {
  if (name !== 'oc2') await rm(join(dist, name), { recursive: true, force: true });
}
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
await bundle({ platform: 'node', entry: 'src/cli.ts', outfile: join(dist, 'node/cli.js') });
await chmod(join(dist, 'node/cli.js'), 0o755);
await copyFile(values.kernel, join(dist, 'kernel.wasm'));
await copyFile(join(root, 'build/loader/loader_bg.wasm'), join(dist, 'loader.wasm'));
// Tests are bundled into a folder beside, and find them as the package does.
await copyFile(join(dist, 'loader.wasm'), join(root, 'build/loader.wasm'));
execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.types.json'], {
  cwd: root,
  stdio: 'inherit',
});
// The interfaces that the types name are declarations already: the compiler does not copy those.
const interfaces = join(root, 'src/generated/glue/interfaces');
await mkdir(join(dist, 'types/generated/glue/interfaces'), { recursive: true });
await mkdir(join(dist, 'types/generated/loader'), { recursive: true });
await copyFile(
  join(root, 'src/generated/loader/loader.d.ts'),
  join(dist, 'types/generated/loader/loader.d.ts'),
);
for (const name of await readdir(interfaces)) {
  await copyFile(join(interfaces, name), join(dist, 'types/generated/glue/interfaces', name));
}
for (const name of ['index.js', 'kernel.js', 'worker.js', 'loader.wasm', 'kernel.wasm']) {
  const bytes = await readFile(join(dist, name));
  console.log(`${name}: ${bytes.length} bytes, ${brotliCompressSync(bytes).length} brotli`);
}
await page(component, join(dist, 'page'));
await oc2(join(dist, 'oc2'));
