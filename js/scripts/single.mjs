/** Pages of one file: what stands in them, and a policy that names the hashes of exactly that. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/**
 * Fills a page's template. Parts are named in it as `{{name}}`; `{{policy}}` is written here.
 *
 * @param connect where the page may ask: a source of `connect-src`.
 * @throws where a part would end the element that it stands in.
 */
export function filled(template, parts, connect) {
  for (const [name, part] of Object.entries(parts)) {
    if (/<\/(script|style)|<!--|\r|\0/i.test(part)) {
      throw new Error(`${name} cannot stand in a page as it is`);
    }
  }
  const source = (text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
  const policy = [
    "default-src 'none'",
    `script-src ${source(parts.script)} 'wasm-unsafe-eval'`,
    `style-src ${source(parts.style)}`,
    'worker-src blob:',
    `connect-src ${connect}`,
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  const all = { ...parts, policy };
  return template.replace(/\{\{(\w+)\}\}/g, (_, name) => all[name]);
}

/** A style sheet with what it imports, in few characters. */
export async function style(entry) {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    bundle: true,
    minify: true,
    write: false,
  });
  return outputFiles[0].text.trim();
}

/** The loader, as `scripts/loader.sh` builds it. */
export function loader() {
  return readFile(join(root, 'build/loader/loader_bg.wasm')).catch(() => {
    throw new Error('there is no loader in build/loader: scripts/loader.sh builds it');
  });
}

/** A module of the pages' own code, for building: how bytes stand in a page, and where parts go. */
export async function ours(name) {
  const outfile = join(root, `build/${name}.mjs`);
  await build({
    absWorkingDir: root,
    entryPoints: [`page/${name}.ts`],
    bundle: true,
    format: 'esm',
    outfile,
  });
  return import(`${outfile}?${Date.now()}`);
}
