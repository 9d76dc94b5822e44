/** The files beside this module, as a page gets them: from where the module itself was served. */
import type { Input } from './sources.js';

/** The loader: verification, compiled from this project's crate. */
export function loaderBytes(): Promise<ArrayBuffer> {
  return fetched(new URL('./loader.wasm', import.meta.url));
}

/** The kernel that this package was built with. */
export async function bundledKernel(): Promise<Input> {
  return fetched(new URL('./kernel.wasm', import.meta.url));
}

async function fetched(url: URL): Promise<ArrayBuffer> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} cannot be had: ${response.status} ${response.statusText}`);
  return response.arrayBuffer();
}
