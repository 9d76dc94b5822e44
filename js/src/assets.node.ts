/** The files beside this module, as Node gets them: from the package's folder. */
import { readFile } from 'node:fs/promises';
import type { Input } from './sources.js';

/** The loader: verification, compiled from this project's crate. */
export function loaderBytes(): Promise<Uint8Array<ArrayBuffer>> {
  return readFile(new URL('../loader.wasm', import.meta.url));
}

/** The kernel that this package was built with. */
export async function bundledKernel(): Promise<Input> {
  return new URL('../kernel.wasm', import.meta.url);
}
