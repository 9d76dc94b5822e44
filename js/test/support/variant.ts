/** Kernels that are ours but for one change: host/tests/support/variant.rs, for pages. */
import { blake3 } from '@noble/hashes/blake3.js';
import { KERNEL } from './fixtures.js';

/** Ours under another hash: with a section that says nothing. */
export function benign(section: string): Uint8Array<ArrayBuffer> {
  const name = new TextEncoder().encode(section);
  return Uint8Array.from(Buffer.concat([KERNEL, Uint8Array.of(0, name.length + 1, name.length), name]));
}

/** Ours with one hash's key changed: it makes one kind of mistake. */
export function mistaken(context: string): Uint8Array<ArrayBuffer> {
  const key = blake3(new Uint8Array(), {
    context: new TextEncoder().encode(`omega-sheaf 2026-11 v1 ${context}`),
  });
  const component = Buffer.from(KERNEL);
  const at = component.indexOf(key);
  if (at === -1 || component.indexOf(key, at + 1) !== -1) {
    throw new Error(`the key of ${context} does not stand in the component once`);
  }
  component[at] = Number(component[at]) ^ 1;
  return Uint8Array.from(component);
}

/** What names a kernel. */
export function hashOf(component: Uint8Array): string {
  return Buffer.from(blake3(component)).toString('hex');
}
