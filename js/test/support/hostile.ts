/**
 * Kernels that mean no good: components of the true shape around a main module that was written by hand. Each
 * function does what a test says, and nothing by default.
 */
import { MODULES } from '../../src/generated/shape.js';
import { KERNEL } from './fixtures.js';

/** Bodies by the end of a function's name; the instructions between the locals and `end`. */
export type Bodies = Record<string, number[]>;

/** What else a module has. */
export interface Extras {
  /** Further imports: module, name. Each is a function without parameters and results. */
  imports?: [string, string][];
  /** Pages of memory at first. */
  pages?: number;
  /** Elements of its table at first. */
  elements?: number;
  /** Bytes at an address. */
  data?: { at: number; bytes: number[] };
  /** Instructions of a start function. */
  start?: number[];
  /** Leaves out the exports that end so. */
  without?: string;
}

export const UNREACHABLE = [0x00];
/** `loop br 0 end`, and what makes it valid for any result. */
export const FOREVER = [0x03, 0x40, 0x0c, 0x00, 0x0b, 0x00];
/** Calls `describe`, which takes nothing and returns a number. */
export const DESCRIBE = [
  0x10,
  ...leb(
    (MODULES[0]?.imports.length ?? 0) +
      functionNames().findIndex((name) => name.endsWith('#describe') && !name.startsWith('cabi')),
  ),
];
/** `i32.const n` */
export const constant = (value: number) => [0x41, ...signed(value)];
/** Grows memory by so many pages and gives address 0. */
export const grow = (pages: number) => [...constant(pages), 0x40, 0x00, 0x1a, ...constant(0)];

/** The true component with this main module. */
export function hostile(bodies: Bodies, extras: Extras = {}): Uint8Array {
  return withMainModule(mainModule(bodies, extras));
}

/** The true component with these bytes in the place of its first core module. */
export function withMainModule(module: Uint8Array): Uint8Array {
  // The first section is the main module.
  const reader = { at: 9, length: 0 };
  for (let shift = 0; ; shift += 7) {
    const byte = KERNEL[reader.at++] as number;
    reader.length += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) break;
  }
  const rest = KERNEL.subarray(reader.at + reader.length);
  return Uint8Array.from([...KERNEL.subarray(0, 8), 1, ...leb(module.length), ...module, ...rest]);
}

function mainModule(bodies: Bodies, extras: Extras): Uint8Array {
  const types: string[] = ['()->()'];
  const type = (text: string) => {
    if (!types.includes(text)) types.push(text);
    return types.indexOf(text);
  };
  const [main] = MODULES;
  const imports = (main?.imports ?? []).map((entry) => {
    const [, module = '', name = '', signature = ''] = /^(\S+) (\S+) func (\S+)$/.exec(entry) ?? [];
    return [...text(module), ...text(name), 0, ...leb(type(signature))];
  });
  for (const [module, name] of extras.imports ?? []) imports.push([...text(module), ...text(name), 0, 0]);
  const functions: number[][] = [];
  const code: number[][] = [];
  const exports: number[][] = [];
  for (const entry of main?.exports ?? []) {
    if (entry === 'memory memory') {
      exports.push([...text('memory'), 2, 0]);
      continue;
    }
    const [, name = '', signature = ''] = /^(.+) func (\S+)$/.exec(entry) ?? [];
    exports.push([...text(name), 0, ...leb(imports.length + functions.length)]);
    functions.push(leb(type(signature)));
    const named = (end: string) => name.endsWith(end) && !name.startsWith('cabi_post');
    const body = Object.entries(bodies).find(([end]) => named(end))?.[1];
    code.push(sized([0, ...(body ?? usual(name, signature)), 0x0b]));
  }
  if (extras.start) {
    functions.push(leb(0));
    code.push(sized([0, ...extras.start, 0x0b]));
  }
  const kept = exports.filter((entry) => {
    const name = new TextDecoder().decode(Uint8Array.from(entry));
    return extras.without === undefined || !name.includes(extras.without);
  });
  const { data } = extras;
  return Uint8Array.from([
    ...[0, 97, 115, 109, 1, 0, 0, 0],
    ...section(1, types.map(functionType)),
    ...section(2, imports),
    ...section(3, functions),
    ...section(4, [[0x70, 0, ...leb(extras.elements ?? 0)]]),
    ...section(5, [[0, ...leb(extras.pages ?? 1)]]),
    ...section(7, kept),
    ...(extras.start ? [8, ...sized(leb(imports.length + functions.length - 1))] : []),
    ...section(10, code),
    ...(data ? section(11, [[0, ...constant(data.at), 0x0b, ...sized(data.bytes)]]) : []),
  ]);
}

/** The functions that the main module offers, in their order. */
function functionNames(): string[] {
  const functions = (MODULES[0]?.exports ?? []).map((entry) => /^(.+) func \S+$/.exec(entry)?.[1]);
  return functions.filter((name) => name !== undefined);
}

/** What a function does of which nothing is said. */
function usual(name: string, signature: string): number[] {
  const resource = /\[constructor\](\w+)$/.exec(name)?.[1];
  if (resource !== undefined) {
    const made = MODULES[0]?.imports.findIndex((entry) => entry.includes(`[resource-new]${resource} `));
    return [...constant(64), 0x10, ...leb(made ?? -1)];
  }
  if (name === 'cabi_realloc') return constant(4096);
  // At 8 there are zeros: `ok`, and nothing in it.
  return signature.endsWith('->()') ? [] : constant(8);
}

function functionType(signature: string): number[] {
  const values: Record<string, number> = { i32: 127, i64: 126, f32: 125, f64: 124 };
  const [parameters = '', results = ''] = signature.split('->').map((part) => part.slice(1, -1));
  const list = (part: string) => {
    const names = part === '' ? [] : part.split(',');
    return [...leb(names.length), ...names.map((name) => values[name] as number)];
  };
  return [0x60, ...list(parameters), ...list(results)];
}

function section(id: number, entries: number[][]): number[] {
  return [id, ...sized([...leb(entries.length), ...entries.flat()])];
}

function sized(bytes: number[]): number[] {
  return [...leb(bytes.length), ...bytes];
}

function text(name: string): number[] {
  return sized([...new TextEncoder().encode(name)]);
}

/** Unsigned LEB128. */
export function leb(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  return [...bytes, rest];
}

function signed(value: number): number[] {
  const bytes: number[] = [];
  let rest = value | 0;
  for (;;) {
    const byte = rest & 0x7f;
    rest >>= 7;
    const last = (rest === 0 && (byte & 0x40) === 0) || (rest === -1 && (byte & 0x40) !== 0);
    bytes.push(last ? byte : byte | 0x80);
    if (last) return bytes;
  }
}
