/** Files that several tests use. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The repository. Tests run from `js/`. */
export const REPOSITORY = join(process.cwd(), '..');

/** The kernel that the package was built for. */
export const KERNEL = new Uint8Array(readFileSync('build/kernel.wasm'));

/** The one answer that is expected of a vector's last batch. */
export interface Answer {
  outcome: 'merge' | 'conflict' | 'fault';
  code?: string;
  number?: number;
  log?: number | null;
  offset?: number | null;
  body_blake3?: string;
}

/** A vector whose logs stand in the tree. */
export interface Vector {
  name: string;
  batches: Uint8Array[][];
  answer: Answer;
}

/** All of them, and how many others are made by recipes. */
export function vectors(): { vectors: Vector[]; elsewhere: number } {
  const vectors: Vector[] = [];
  let elsewhere = 0;
  for (const folder of ['accept', 'reject', 'decline']) {
    const at = join(REPOSITORY, 'tests/vectors', folder);
    for (const name of readdirSync(at)) {
      const about = JSON.parse(readFileSync(join(at, name, 'vector.json'), 'utf8'));
      const files: (string | null)[][] = about.batches.map((logs: { file: string | null }[]) =>
        logs.map(({ file }) => file),
      );
      if (files.flat().includes(null)) {
        elsewhere += 1;
        continue;
      }
      const read = (file: string | null) => new Uint8Array(readFileSync(join(at, name, String(file))));
      vectors.push({
        name: `${folder}/${name}`,
        batches: files.map((logs) => logs.map(read)),
        answer: about.answer,
      });
    }
  }
  return { vectors, elsewhere };
}

/** A vector's log. */
export function log(vector: string, file = '1-1.omega'): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(join(REPOSITORY, 'tests/vectors', vector, file)));
}

/** Numbers that are the same every time. */
export function dice(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    // mulberry32
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}
