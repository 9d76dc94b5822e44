/**
 * Bytes as text within a page: one character for each byte. The three that HTML would change or end a
 * script at stand for the three rarest of WebAssembly, and those for characters above U+00FF. Compressed,
 * such a text is hardly longer than its bytes, where base64 is longer by a quarter.
 */
const CHANGED = [0x00, 0x0d, 0x3c] as const;
const RARE = [0x5e, 0x57, 0x59] as const;
const ABOVE = 0x100;

/** Bytes as text. */
export function toText(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) {
    const changed = (CHANGED as readonly number[]).indexOf(byte);
    const isRare = (RARE as readonly number[]).includes(byte);
    text += String.fromCharCode(changed >= 0 ? (RARE[changed] as number) : isRare ? ABOVE + byte : byte);
  }
  return text;
}

/** The bytes of such a text. */
export function toBytes(text: string): Uint8Array<ArrayBuffer> {
  const meant = Uint8Array.from({ length: ABOVE }, (_, byte) => byte);
  for (const [at, rare] of RARE.entries()) meant[rare] = CHANGED[at] as number;
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < bytes.length; at++) {
    const code = text.charCodeAt(at);
    bytes[at] = code >= ABOVE ? code - ABOVE : (meant[code] as number);
  }
  return bytes;
}
