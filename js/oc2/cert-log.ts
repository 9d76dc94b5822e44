/** Cutting a log of certificates: `schemas/certificate.md`, "cert.log". What is in it is for the verifier to say. */

const HEADER_BYTES = 16;
/** Length and checksum, before what they are about; that begins with its kind. */
const PREFIX_BYTES = 8;
const KIND_CERTIFICATE = 1;
const KIND_CO_SIGNATURE = 2;
/** Of a co-signature, from its record on: the chain hash, behind kind and zeros; the key, behind algorithm and statement. */
const CHAIN_HASH_AT = 16;
const KEY_AT = CHAIN_HASH_AT + 32 + 2;
const CO_SIGNATURE_BYTES = KEY_AT + 32 + 64;

/**
 * The log up to the certificate at a height, with the signatures that were added right behind it. All of it
 * where it ends earlier or does not read: then the verifier says why.
 */
export function upTo(log: Uint8Array, height: number): Uint8Array {
  let certificates = 0;
  for (const { at, kind } of records(log)) {
    if (kind !== KIND_CERTIFICATE) continue;
    if (certificates > height) return log.subarray(0, at);
    certificates += 1;
  }
  return log;
}

/** Certificates in the log, as far as it reads. */
export function count(log: Uint8Array): number {
  let certificates = 0;
  for (const { kind, end } of records(log)) {
    if (kind === KIND_CERTIFICATE && end <= log.length) certificates += 1;
  }
  return certificates;
}

/** Keys whose signatures were added later, by the chain hash of their certificate. Nothing of it is verified. */
export function coSigners(log: Uint8Array): Map<string, string[]> {
  const signers = new Map<string, string[]>();
  for (const { at, kind, bytes, end } of records(log)) {
    if (kind !== KIND_CO_SIGNATURE || end > log.length || bytes !== CO_SIGNATURE_BYTES) continue;
    const hash = hex(log.subarray(at + CHAIN_HASH_AT, at + CHAIN_HASH_AT + 32));
    const keys = signers.get(hash) ?? [];
    keys.push(hex(log.subarray(at + KEY_AT, at + KEY_AT + 32)));
    signers.set(hash, keys);
  }
  return signers;
}

/** Records from the first on; the last one may end beyond the log. */
function* records(log: Uint8Array): Generator<{ at: number; kind: number; bytes: number; end: number }> {
  const view = new DataView(log.buffer, log.byteOffset, log.byteLength);
  for (let at = HEADER_BYTES; at + PREFIX_BYTES < log.length; ) {
    const bytes = PREFIX_BYTES + view.getUint32(at, true);
    const end = at + Math.ceil(bytes / 8) * 8;
    yield { at, kind: view.getUint8(at + PREFIX_BYTES), bytes, end };
    at = end;
  }
}

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
