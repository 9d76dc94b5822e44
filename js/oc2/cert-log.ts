/** Cutting a log of certificates: `schemas/certificate.md`, "cert.log". What is in it is for the verifier to say. */

const HEADER_BYTES = 16;
/** Length and checksum, before what they are about; that begins with its kind. */
const PREFIX_BYTES = 8;
const KIND_CERTIFICATE = 1;

/**
 * The log up to the certificate at a height, with the signatures that were added right behind it. All of it
 * where it ends earlier or does not read: then the verifier says why.
 */
export function upTo(log: Uint8Array, height: number): Uint8Array {
  const view = new DataView(log.buffer, log.byteOffset, log.byteLength);
  let certificates = 0;
  for (let at = HEADER_BYTES; at + PREFIX_BYTES < log.length; ) {
    const length = view.getUint32(at, true);
    if (view.getUint8(at + PREFIX_BYTES) === KIND_CERTIFICATE) {
      if (certificates > height) return log.subarray(0, at);
      certificates += 1;
    }
    const end = at + Math.ceil((PREFIX_BYTES + length) / 8) * 8;
    if (end > log.length) break;
    at = end;
  }
  return log;
}

/** Certificates in the log, as far as it reads. */
export function count(log: Uint8Array): number {
  const view = new DataView(log.buffer, log.byteOffset, log.byteLength);
  let certificates = 0;
  for (let at = HEADER_BYTES; at + PREFIX_BYTES < log.length; ) {
    const end = at + Math.ceil((PREFIX_BYTES + view.getUint32(at, true)) / 8) * 8;
    if (end > log.length) break;
    if (view.getUint8(at + PREFIX_BYTES) === KIND_CERTIFICATE) certificates += 1;
    at = end;
  }
  return certificates;
}
