/** The files beside this module, as a page gets them: from where the module itself was served. */
import { Failure } from './failure.js';
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
  try {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
    return await response.arrayBuffer();
  } catch (error) {
    const hint = 'Serve it beside the module, or hand its bytes over: `loader` and `kernel` of `verify()`.';
    const message = `a file of this package cannot be had: ${String(error)}`;
    throw new Failure('file-unreadable', message, { hint, file: url.href, cause: error });
  }
}
