/** Bundles the tests and runs them with Node's own runner: `node scripts/test.mjs [WORD…]` for some files. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.mjs';

/** Ten times what they take on two cores that do nothing else. */
const MOST_MILLISECONDS = 1_800_000;
const root = join(dirname(fileURLToPath(import.meta.url)), '..');
if (!existsSync(join(root, 'src/generated/shape.ts')) || !existsSync(join(root, 'build/kernel.wasm'))) {
  console.error('the package is not built yet: make web');
  process.exit(1);
}
const words = process.argv.slice(2);
const out = join(root, 'build/test');
await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
const files = (await readdir(join(root, 'test'))).filter((name) => name.endsWith('.test.ts'));
const wanted = files.filter((name) => words.length === 0 || words.some((word) => name.includes(word)));
const bundled = await Promise.all(
  wanted.map(async (name) => {
    const outfile = join(out, name.replace(/\.ts$/, '.mjs'));
    const external = ['playwright-core', 'esbuild', 'vite'];
    await bundle({ platform: 'node', entry: join('test', name), outfile, minify: false, external });
    return outfile;
  }),
);
// What keeps a process from ending is a mistake that no single test sees.
const { status, error } = spawnSync(process.execPath, ['--test', '--test-reporter=spec', ...bundled], {
  cwd: root,
  stdio: 'inherit',
  timeout: MOST_MILLISECONDS,
});
if (error) console.error(`the tests did not end: ${error.message}`);
process.exit(status ?? 1);
