/**
 * Evidence files (`schemas/bundle.md`): what one says of its parts, and its parts' bytes. Read strictly, in the
 * one shape that `omega bundle` writes; nothing of such a file is run or made into markup.
 */
import { Failure } from '../src/failure.js';

/** How an evidence file begins; its version is in it. A script in a page may not hold the start of a comment. */
const BEGINS = '<!doctype html>\n<?-- omega evidence 1 -->\n'.replace('?', '!');
/** What stands before the parts. */
export const PLACE = '<div hidden id="omega-parts">\n';
/** What stands behind them. */
export const END = '</div>\n';
const MANIFEST_OPENS = '<script type="application/json" id="omega-manifest">';
const CLOSES = '</script>\n';
/** Bytes of a page before its place for parts: style and markup. */
const MAX_BEFORE_BYTES = 1 << 18;
const MAX_MANIFEST_BYTES = 2 << 20;
const MAX_PARTS = 1024;
const MAX_PARTS_BYTES = 256 << 20;
const MAX_NAME_BYTES = 200;
/** Characters of base64 that are decoded in one go: a multiple of four. */
const PIECE_CHARACTERS = 1 << 20;
/** Names have no folders, no control characters, and nothing that turns text around. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is kept out
const KEPT_OUT = /[\u0000-\u001f\u007f-\u009f/\\:\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/;

/** What the file says of one of its parts. */
export interface Part {
  name: string;
  role: string;
  bytes: number;
  /** BLAKE3, 64 hex digits. */
  blake3: string;
}

/** What the file says of itself: claims of whoever made it. */
export interface Manifest {
  madeBy: string;
  /** Chain hash of the newest certificate that its maker knew. */
  head: string | undefined;
  /** Names of files that its maker left out. */
  leftOut: string[];
  parts: Part[];
}

/** Reads the list of parts. */
export function manifestOf(json: string): Manifest {
  let read: unknown;
  try {
    read = JSON.parse(json);
  } catch {
    throw damaged('what it says of its parts cannot be read');
  }
  const { made_by: madeBy, head, left_out: leftOut, parts } = Object(read);
  const listed = Array.isArray(parts) && parts.length <= MAX_PARTS && parts.every(isPart);
  const rest = typeof madeBy === 'string' && (head === null || isHash(head)) && isTexts(leftOut);
  if (!listed || !rest) throw damaged('what it says of its parts has another shape');
  const names = new Set(parts.map(({ name }) => name.toLowerCase()));
  const total = parts.reduce((sum, { bytes }) => sum + bytes, 0);
  if (names.size !== parts.length || total > MAX_PARTS_BYTES) {
    throw damaged('it gives two parts one name, or has more bytes than it may');
  }
  return { madeBy, head: head ?? undefined, leftOut, parts };
}

function isPart(part: unknown): part is Part {
  const { name, role, bytes, blake3 } = Object(part);
  const named = typeof name === 'string' && name !== '' && name !== '.' && name !== '..';
  return (
    named &&
    !KEPT_OUT.test(name) &&
    new TextEncoder().encode(name).length <= MAX_NAME_BYTES &&
    typeof role === 'string' &&
    Number.isSafeInteger(bytes) &&
    bytes >= 0 &&
    isHash(blake3)
  );
}

function isHash(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((text) => typeof text === 'string');
}

/** The bytes of a part whose base64 comes in slices. */
export async function decoded(
  part: Part,
  slice: (from: number, to: number) => Promise<string>,
): Promise<Blob> {
  const length = encodedLength(part);
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let bytes = 0;
  for (let at = 0; at < length; at += PIECE_CHARACTERS) {
    const text = await slice(at, Math.min(at + PIECE_CHARACTERS, length));
    const piece = ofBase64(text);
    if (!piece) throw damaged(`${part.name} is no base64`);
    bytes += piece.length;
    pieces.push(piece);
  }
  if (bytes !== part.bytes) throw damaged(`${part.name} has another length than it should`);
  return new Blob(pieces);
}

/** Characters of a part's base64. */
export function encodedLength({ bytes }: Part): number {
  return Math.ceil(bytes / 3) * 4;
}

function ofBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  // What `atob` would forgive is not forgiven.
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined;
  let characters: string;
  try {
    characters = atob(text);
  } catch {
    return undefined;
  }
  const bytes = new Uint8Array(characters.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = characters.charCodeAt(at);
  return bytes;
}

/** Takes a file apart: what it says, and its parts' bytes in that order. */
export async function unpacked(file: Blob): Promise<{ manifest: Manifest; parts: Blob[] }> {
  const read = async (from: number, to: number) => new Uint8Array(await file.slice(from, to).arrayBuffer());
  // One character for each byte.
  const characters = (bytes: Uint8Array) => new TextDecoder('latin1').decode(bytes);
  const before = characters(await read(0, MAX_BEFORE_BYTES));
  if (!before.startsWith(BEGINS)) throw damaged('it does not start like one of version 1');
  const place = before.indexOf(PLACE);
  if (place < 0) throw damaged('it has no place with parts');
  let at = place + PLACE.length;
  const expect = async (text: string) => {
    if (characters(await read(at, at + text.length)) !== text)
      throw damaged('its parts are not where they should be');
    at += text.length;
  };
  await expect(MANIFEST_OPENS);
  const start = await read(at, at + MAX_MANIFEST_BYTES + CLOSES.length);
  const length = characters(start).indexOf(CLOSES);
  if (length < 0) throw damaged('the list of its parts has no end');
  const manifest = manifestOf(new TextDecoder().decode(start.subarray(0, length)));
  at += length;
  await expect(CLOSES);
  const parts: Blob[] = [];
  for (const [number, part] of manifest.parts.entries()) {
    await expect(`<script type="text/plain" id="omega-part-${number}">`);
    const begin = at;
    parts.push(await decoded(part, async (from, to) => characters(await read(begin + from, begin + to))));
    at += encodedLength(part);
    await expect(CLOSES);
  }
  await expect(END);
  return { manifest, parts };
}

export function damaged(what: string): Failure {
  const hint = 'Get it again from whoever made it.';
  return new Failure('evidence-file-invalid', `the evidence file is not as it was made: ${what}`, { hint });
}
