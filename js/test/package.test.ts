/** What is published: all that it takes and nothing else, and it works where it is installed. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { OMEGA } from './support/omega.js';

const folder = mkdtempSync(join(tmpdir(), 'omega-package-'));
const run = (program: string, flags: string, cwd = folder) =>
  execFileSync(program, flags.split(' '), { cwd, stdio: 'pipe', encoding: 'utf8' });
after(() => rmSync(folder, { recursive: true }));

test('packed, installed without a network, imported and run', () => {
  const [packed] = JSON.parse(run('npm', `pack --silent --json --pack-destination ${folder}`, process.cwd()));
  const files: string[] = packed.files.map(({ path }: { path: string }) => path);
  const code = files.filter((path) => !path.startsWith('dist/types/')).sort();
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
  assert(files.filter((path) => path.startsWith('dist/types/')).every((path) => path.endsWith('.d.ts')));

  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  run('npm', `install --offline --no-audit --no-fund ./${packed.filename}`);
  run(OMEGA, 'keygen --output judge.key');
  run(OMEGA, 'append --log a.omega --node 1 --payload hello');
  run(OMEGA, 'reconcile --input a.omega --output a.result');
  run(OMEGA, 'certify --result a.result --key judge.key --output a.cert');
  const said = run('npx', '--no-install omega-verify --cert a.cert --trust judge.pub --input a.omega');
  assert.match(JSON.parse(said).message, /is sound: the logs agree/);
  writeFileSync(
    join(folder, 'use.js'),
    `import { verify } from 'omega-verify';
    const { outcome } = await verify({ certificates: 'a.cert', logs: ['a.omega'], trust: { anySigner: true } });
    console.log(outcome);`,
  );
  assert.equal(run(process.execPath, 'use.js'), 'verified\n');
});
