/** Certificates that are signed as they should be and name what they should not: schemas/certificate.md. */
import { createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { blake3 } from '@noble/hashes/blake3.js';

/** Where fields of a certificate stand, and how much stands before its body. */
export const AT = { bodyLength: 12, id: 16, covered: 32, kernelHash: 209, body: 321 } as const;
const RECORD_BYTES = 98;
const JUDGED = 1;

/** The certificate with other bytes in a place, and again with the id and the one signature that it then has. */
export function forged(certificate: Uint8Array, at: number, bytes: Uint8Array, key: string): Uint8Array {
  const made = Uint8Array.from(certificate);
  made.set(bytes, at);
  const view = new DataView(made.buffer);
  const end = AT.body + view.getUint32(AT.bodyLength, true);
  made.set(keyed('certificate id', made.subarray(AT.covered, end)).subarray(0, 16), AT.id);
  const chainHash = keyed('certificate chain', made.subarray(0, end));
  const domain = new TextEncoder().encode('omega-sheaf certificate signature v1\0');
  const secret = createPrivateKey(key);
  const signed = sign(null, Uint8Array.of(...domain, JUDGED, ...chainHash), secret);
  const { x = '' } = createPublicKey(secret).export({ format: 'jwk' });
  const record = Uint8Array.of(1, JUDGED, ...Buffer.from(x, 'base64url'), ...signed);
  if (record.length !== RECORD_BYTES) throw new Error(`a record of ${record.length} bytes`);
  return Uint8Array.of(...made.subarray(0, end), 1, 0, ...record);
}

/** The certificate naming this kernel. */
export function naming(certificate: Uint8Array, kernel: Uint8Array, key: string): Uint8Array {
  return forged(certificate, AT.kernelHash, blake3(kernel), key);
}

function keyed(context: string, bytes: Uint8Array): Uint8Array {
  const name = new TextEncoder().encode(`omega-sheaf 2026-11 v1 ${context}`);
  return blake3(bytes, { key: blake3(new Uint8Array(), { context: name }) });
}
