/** How the package is bundled: the same way for what is published and for what is tested. */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** What all bundles have in common. The platform's part is chosen by the condition `node`. */
const options = (platform) => ({
  absWorkingDir: root,
  bundle: true,
  platform,
  conditions: platform === 'node' ? ['node'] : [],
  target: platform === 'node' ? 'node20' : 'es2022',
  legalComments: 'none',
  logLevel: 'warning',
});

/** The worker as one script: for a browser a plain one, for Node one that `require`s. */
export async function workerSource(platform) {
  const { outputFiles } = await build({
    ...options(platform),
    entryPoints: ['src/worker.ts'],
    format: platform === 'node' ? 'cjs' : 'iife',
    minify: true,
    write: false,
  });
  return outputFiles[0].text;
}

/** A browser's script of one file, which imports nothing when it runs. */
export async function script(entry) {
  const { outputFiles } = await build({
    ...options('browser'),
    entryPoints: [entry],
    format: 'iife',
    minify: true,
    // The loader's own way to find its module is not used: it is handed over.
    define: { 'import.meta.url': '""' },
    write: false,
  });
  return outputFiles[0].text;
}

/** A module, with the worker's source in it where it wants that. */
export async function bundle({ platform, entry, outfile, minify = true, external = [] }) {
  const worker = {
    name: 'worker-source',
    setup(build) {
      build.onResolve({ filter: /^worker-source$/ }, ({ path }) => ({ path, namespace: 'worker-source' }));
      build.onLoad({ filter: /.*/, namespace: 'worker-source' }, async () => ({
        contents: await workerSource(platform),
        loader: 'text',
      }));
    },
  };
  await build({
    ...options(platform),
    entryPoints: [entry],
    outfile,
    format: 'esm',
    minify,
    external,
    plugins: [worker],
  });
}
