/** The package as it is published: packed, and installed without a network in a folder of its own. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OMEGA } from './omega.js';

export interface Packed {
  folder: string;
  /** Paths of the files that are in it. */
  files: string[];
  /** Runs a program in the folder; what it prints. */
  run(program: string, flags: string): string;
  path(name: string): string;
  write(name: string, text: string): void;
  remove(): void;
}

/** Packs and installs it, beside evidence that the command makes: a.omega, a.cert, judge.pub. */
export function packed(): Packed {
  const folder = mkdtempSync(join(tmpdir(), 'omega-package-'));
  const path = (name: string) => join(folder, name);
  const write = (name: string, text: string) => writeFileSync(path(name), text);
  const run = (program: string, flags: string, cwd = folder) =>
    execFileSync(program, flags.split(' '), { cwd, stdio: 'pipe', encoding: 'utf8' });
  const [made] = JSON.parse(run('npm', `pack --silent --json --pack-destination ${folder}`, process.cwd()));
  write('package.json', '{"type":"module"}');
  run('npm', `install --offline --no-audit --no-fund ./${made.filename}`);
  run(OMEGA, 'keygen --output judge.key');
  run(OMEGA, 'append --log a.omega --node 1 --payload hello');
  run(OMEGA, 'reconcile --input a.omega --output a.result');
  run(OMEGA, 'certify --result a.result --key judge.key --output a.cert');
  return {
    folder,
    files: made.files.map(({ path }: { path: string }) => path),
    run: (program, flags) => run(program, flags),
    path,
    write,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
