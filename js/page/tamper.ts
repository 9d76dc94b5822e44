/** Changing a file as an attacker would, in memory alone: what is on disk stays as it is. */
import type { Answer, Check } from './protocol.js';

/** A byte of a file, and what stands there instead. */
export interface Flip {
  at: number;
  before: number;
  after: number;
}

/** Turns the lowest bit of one byte. */
export async function flip(blob: Blob, at: number): Promise<Flip> {
  const [before] = new Uint8Array(await blob.slice(at, at + 1).arrayBuffer());
  if (before === undefined) throw new RangeError(`there is no byte ${at}`);
  return { at, before, after: before ^ 1 };
}

/** A file's bytes with that one in it. All others are read from the file when they are wanted. */
export function withFlip(blob: Blob, { at, after }: Flip): Blob {
  return new Blob([blob.slice(0, at), Uint8Array.of(after), blob.slice(at + 1)]);
}

/** The checks that do not pass now, and that passed before or were not made. */
export function caught(before: Answer, after: Answer): Check[] {
  const still = new Set(
    (before.report.checks ?? [])
      .filter(({ status }) => status !== 'passed')
      .map(({ check, detail }) => check + detail),
  );
  const now = after.report.checks ?? [];
  return now.filter(
    ({ check, detail, status, code }) => status !== 'passed' && code !== null && !still.has(check + detail),
  );
}

/** A byte as two hex digits. */
export function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}
