/**
 * What is generated from a built kernel and from the specifications, into `src/generated`: the glue that
 * wires core modules of one shape, that shape, what each module wants and offers, and the table of faults.
 */
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transpileBytes } from '@bytecodealliance/jco-transpile';
import { build, transform } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const generated = join(root, 'src/generated');

/** Generates everything. */
export async function generate(component) {
  await rm(generated, { recursive: true, force: true });
  await mkdir(generated, { recursive: true });
  await writeFile(
    join(generated, 'faults.ts'),
    faults(await readFile(join(root, '../schemas/faults.md'), 'utf8')),
  );
  await mkdir(join(generated, 'loader'));
  for (const name of ['loader.js', 'loader.d.ts']) {
    await copyFile(join(root, 'build/loader', name), join(generated, 'loader', name));
  }
  const glue = await transpiled(component);
  for (const [name, content] of Object.entries(glue.files)) {
    await mkdir(dirname(join(generated, name)), { recursive: true });
    await writeFile(join(generated, name), content);
  }
  await writeFile(join(generated, 'shape.ts'), await shape(component, glue.source));
}

/** jco's glue, with what must not be in it taken out. */
async function transpiled(component) {
  const { files } = await transpileBytes(component, {
    name: 'kernel',
    outDir: 'glue',
    instantiation: 'async',
    nodejsCompat: false,
    base64Cutoff: 0,
    // A kernel's fault is thrown as it is: a record, where everything else that is thrown is an Error.
    noComponentErrorWrapping: true,
  });
  let source = new TextDecoder().decode(files['glue/kernel.js']);
  // It never fetches: modules are always handed to it.
  source = without(source, /^ *if \(!getCoreModule\) getCoreModule = .*\n/m);
  source = without(source, /^ *const fetchCompile = .*\n/m);
  const { code } = await transform(source, {
    format: 'esm',
    target: 'es2022',
    minify: true,
    legalComments: 'none',
    pure: ['_debugLog'],
    // A kernel is entered when it is called and at no other time: not by the garbage collector, which
    // would drop what an instance holds also after it trapped.
    banner: 'class NoFinalization { register() {} unregister() {} }',
    define: { FinalizationRegistry: 'NoFinalization' },
  });
  if (/\bfetch\(|import\(|import\.meta|new FinalizationRegistry/.test(code)) {
    throw new Error('the glue would fetch, import or be called by the garbage collector: jco has changed');
  }
  const types = Object.entries(files).filter(([name]) => name.endsWith('.d.ts'));
  return { source, files: { 'glue/kernel.js': code, ...Object.fromEntries(types) } };
}

function without(source, pattern) {
  if (!pattern.test(source)) throw new Error(`the glue has nothing like ${pattern}: jco has changed`);
  return source.replace(pattern, '');
}

/** The component's shape, and of each core module the imports and those exports that the glue names. */
async function shape(component, glue) {
  const { takeApart, border } = await ours();
  const parts = takeApart(component);
  const modules = parts.modules.map((module) => {
    const { imports, exports } = border(module);
    const used = (entry) => {
      const name = nameOf(entry).replace(/[$[\](){}.*+?^|\\]/g, '\\$&');
      return new RegExp(`exports\\d(\\['${name}'\\]|\\.${name}(?![\\w$]))`).test(glue);
    };
    return { imports, exports: exports.filter(used) };
  });
  const text = Buffer.from(parts.shape).toString('latin1');
  return `/** The component's shape, a character for each byte. */
export const SHAPE: string = ${JSON.stringify(text)};
/** What each core module wants and must offer. */
export const MODULES: readonly { imports: readonly string[]; exports: readonly string[] }[] = ${JSON.stringify(modules, null, 2)};
`;
}

/** The name in an entry of a border. */
function nameOf(entry) {
  return entry.replace(/ (func .*|table .*|memory|global)$/, '');
}

/** The parser that the package itself uses. */
async function ours() {
  const out = join(root, 'build/parser.mjs');
  await build({
    stdin: {
      contents: "export * from './component.ts'; export * from './core-module.ts';",
      resolveDir: join(root, 'src'),
    },
    bundle: true,
    format: 'esm',
    outfile: out,
  });
  return import(out);
}

/** `schemas/faults.md` as a table. */
function faults(page) {
  const rows = [...page.matchAll(/^\| (\d{5}) \| `([a-z0-9-]+)` \|/gm)];
  if (rows.length < 50) throw new Error('schemas/faults.md has too few faults to be read rightly');
  const entries = rows.map(([, number, name]) => `  '${name}': ${number},\n`).join('');
  return `/** Numbers of failures by their names: schemas/faults.md. */\nexport const FAULTS = {\n${entries}} as const;\n`;
}
