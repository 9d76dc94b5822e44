/**
 * Where bytes come from: files, blobs, streams, bytes in memory. Each is read once from its beginning to its
 * end in pieces of at most 4 MiB, into one buffer where that can be, so that memory does not grow with a log.
 */
import { openPath } from '#platform';
import { joined } from './bytes.js';
import { Failure } from './failure.js';

/** Bytes in a piece. */
export const PIECE_BYTES = 4 << 20;
/** Empty pieces in a row after which a stream is taken for one that never goes on. */
const MOST_EMPTY = 10_000;

/**
 * What can be read. A string is a path and a `URL` one of the scheme `file:`, in Node alone; so is a
 * `FileHandle` of `node:fs/promises`, which stays open and is read from its first byte on.
 */
export type Input = Blob | ReadableStream<Uint8Array> | Uint8Array | ArrayBuffer | string | URL | FileLike;

/** As much of a Node `FileHandle` as is used. */
export interface FileLike {
  readonly fd: number;
  read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesRead: number }>;
  stat(): Promise<{ size: number; mtimeMs: number; isDirectory(): boolean }>;
}

/** Something that can be read. */
export interface Source {
  /** What to call it in a message. */
  readonly name: string;
  /** Its bytes, where that is known beforehand. */
  readonly size: number | undefined;
  /**
   * Its bytes in order, in pieces that are never empty. A piece is valid until the next one is asked for. A
   * stream can be read once; everything else again and again.
   *
   * @throws {Failure} `file-unreadable`, `file-changed-while-read`; `usage` where a stream is read twice.
   */
  pieces(): AsyncGenerator<Uint8Array, void>;
  /** Tells one state of a file from another; undefined where it is known to stay as it is. */
  readonly version?: string | undefined;
  /** At most so many bytes from an offset on, fewer only at the end; undefined for streams. */
  readonly readAt: ((offset: number, length: number) => Promise<Uint8Array>) | undefined;
  /** Gives back what it holds. */
  close(): Promise<void>;
}

/**
 * Opens an input.
 *
 * @param name what to call it in a message; a `File` and a path have names of their own.
 * @throws {Failure} `file-not-found`, `is-a-directory`, `file-unreadable`; `usage` for what is none.
 */
export async function open(input: Input, name?: string): Promise<Source> {
  if (input instanceof Blob) return ofBlob(input, name ?? (input instanceof File ? input.name : 'a blob'));
  if (input instanceof ReadableStream) return ofStream(input, name ?? 'a stream');
  if (input instanceof Uint8Array) return ofBytes(input, name ?? 'bytes');
  if (input instanceof ArrayBuffer) return ofBytes(new Uint8Array(input), name ?? 'bytes');
  if (typeof input === 'string' || input instanceof URL) return openPath(input, name);
  if (isFileLike(input)) return ofFile(input, name ?? 'a file', async () => {});
  throw new Failure('usage', `${name ?? 'an input'} is nothing that can be read`, {
    hint: 'Give a File, a Blob, a ReadableStream of bytes, a Uint8Array or, in Node, a path or FileHandle.',
  });
}

/** Reads a source of at most `cap` bytes whole; the cap may depend on its first piece. */
export async function readSmall(
  source: Source,
  cap: number | ((start: Uint8Array) => number),
  what: string,
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  let most: number | undefined;
  for await (const piece of source.pieces()) {
    length += piece.length;
    most ??= typeof cap === 'number' ? cap : cap(piece);
    if (length > most) {
      const message = `the file is larger than ${what} may be (${most} bytes)`;
      throw new Failure('file-unreadable', message, { file: source.name });
    }
    pieces.push(piece.slice());
  }
  return joined(pieces);
}

function ofBytes(bytes: Uint8Array, name: string): Source {
  const readAt = async (offset: number, length: number) => bytes.subarray(offset, offset + length);
  return { name, size: bytes.length, pieces: () => inOrder(readAt), readAt, close: async () => {} };
}

function ofBlob(blob: Blob, name: string): Source {
  const unreadable = (error: unknown) => {
    // Browsers refuse to read a file that was changed after it was chosen.
    const message = `the file cannot be read, or was changed since it was chosen: ${text(error)}`;
    return new Failure('file-unreadable', message, { file: name, cause: error });
  };
  const readAt = async (offset: number, length: number) => {
    try {
      return new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer());
    } catch (error) {
      throw unreadable(error);
    }
  };
  const pieces = async function* () {
    let read = 0;
    // One stream costs a browser half of what slices do, each of which it opens the file for.
    for await (const piece of inPlaceOf(blob.stream(), name, unreadable)) {
      read += piece.length;
      yield piece;
    }
    if (read !== blob.size) throw changed(name);
  };
  return { name, size: blob.size, pieces, readAt, close: async () => {} };
}

/** An open file of the system; used by the platform for paths too. */
export function ofFile(file: FileLike, name: string, close: () => Promise<void>): Source {
  const read = async (buffer: Uint8Array, offset: number) => {
    let filled = 0;
    while (filled < buffer.length) {
      const { bytesRead } = await file
        .read(buffer, filled, buffer.length - filled, offset + filled)
        .catch((error: unknown) => {
          throw new Failure('file-unreadable', `the file cannot be read: ${text(error)}`, { file: name });
        });
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return buffer.subarray(0, filled);
  };
  const pieces = async function* () {
    const before = await file.stat();
    if (before.isDirectory()) throw folder(name);
    const buffer = new Uint8Array(PIECE_BYTES);
    let offset = 0;
    for (;;) {
      const piece = await read(buffer, offset);
      if (piece.length === 0) break;
      offset += piece.length;
      yield piece;
    }
    const after = await file.stat();
    // What has no size, as a pipe or a file of the kernel's, cannot be compared.
    const isFile = before.size > 0 || after.size > 0;
    if (isFile && (after.size !== offset || after.mtimeMs !== before.mtimeMs)) throw changed(name);
  };
  const readAt = (offset: number, length: number) => read(new Uint8Array(length), offset);
  return { name, size: undefined, pieces, readAt, close };
}

/** A stream, as {@link Source}; its small pieces are put together. */
export function ofStream(stream: ReadableStream<Uint8Array>, name: string): Source {
  let read = false;
  const pieces = async function* () {
    if (read || stream.locked) throw new Failure('usage', 'a stream can be read once', { file: name });
    read = true;
    yield* inOrderOf(stream, name, (error) => {
      const message = `the stream broke: ${text(error)}`;
      return new Failure('file-unreadable', message, { file: name, cause: error });
    });
  };
  const close = async () => {
    if (!read && !stream.locked) await stream.cancel().catch(() => {});
  };
  return { name, size: undefined, pieces, readAt: undefined, close };
}

/**
 * Readers that wait for a piece. Chromium keeps the stream of a blob no longer than somebody else does: where its
 * collector comes while a piece is on its way, and only the code that waits for it knows the stream, that piece
 * never comes, and the work never ends.
 */
const waiting = new Set<ReadableStreamDefaultReader | ReadableStreamBYOBReader>();

/** A stream's bytes in order; `broken` says why there are no more. */
async function* inOrderOf(
  stream: ReadableStream<Uint8Array>,
  name: string,
  broken: (error: unknown) => Failure,
): AsyncGenerator<Uint8Array, void> {
  const reader = stream.getReader();
  waiting.add(reader);
  try {
    yield* gathered(reader, name, broken);
  } finally {
    waiting.delete(reader);
    // Whoever stops early tells the stream so; at its end this does nothing.
    await reader.cancel().catch(() => {});
  }
}

/** As {@link inOrderOf} for the stream of a blob, which can fill a buffer that it is given nearly everywhere. */
async function* inPlaceOf(
  stream: ReadableStream<Uint8Array>,
  name: string,
  broken: (error: unknown) => Failure,
): AsyncGenerator<Uint8Array, void> {
  let reader: ReadableStreamBYOBReader;
  try {
    reader = stream.getReader({ mode: 'byob' });
  } catch {
    yield* inOrderOf(stream, name, broken);
    return;
  }
  waiting.add(reader);
  try {
    yield* filled(reader, broken);
  } finally {
    waiting.delete(reader);
    await reader.cancel().catch(() => {});
  }
}

/** One buffer, filled again and again. */
async function* filled(reader: ReadableStreamBYOBReader, broken: (error: unknown) => Failure) {
  let buffer = new ArrayBuffer(PIECE_BYTES);
  for (;;) {
    let length = 0;
    while (length < PIECE_BYTES) {
      const { done, value } = await reader.read(new Uint8Array(buffer, length)).catch((error: unknown) => {
        throw broken(error);
      });
      if (value) buffer = value.buffer as ArrayBuffer;
      if (done) {
        if (length > 0) yield new Uint8Array(buffer, 0, length);
        return;
      }
      length += value.length;
    }
    yield new Uint8Array(buffer);
  }
}

/** Pieces as they come, put together in one buffer. */
async function* gathered(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  name: string,
  broken: (error: unknown) => Failure,
) {
  const buffer = new Uint8Array(PIECE_BYTES);
  let filled = 0;
  let empty = 0;
  for (;;) {
    const { done, value } = await reader.read().catch((error: unknown) => {
      throw broken(error);
    });
    if (done) break;
    if (!(value instanceof Uint8Array))
      throw new Failure('usage', 'the stream gives no bytes', { file: name });
    empty = value.length === 0 ? empty + 1 : 0;
    if (empty > MOST_EMPTY) {
      throw new Failure('file-unreadable', 'the stream gives empty pieces and no end', { file: name });
    }
    for (let rest = value; rest.length > 0; ) {
      const part = rest.subarray(0, buffer.length - filled);
      buffer.set(part, filled);
      filled += part.length;
      rest = rest.subarray(part.length);
      if (filled === buffer.length) {
        yield buffer;
        filled = 0;
      }
    }
  }
  if (filled > 0) yield buffer.subarray(0, filled);
}

async function* inOrder(readAt: (offset: number, length: number) => Promise<Uint8Array>) {
  for (let offset = 0; ; ) {
    const piece = await readAt(offset, PIECE_BYTES);
    if (piece.length === 0) return;
    offset += piece.length;
    yield piece;
  }
}

function isFileLike(input: unknown): input is FileLike {
  const file = input as Partial<FileLike> | null;
  return typeof file === 'object' && typeof file?.read === 'function' && typeof file.stat === 'function';
}

/** A folder is none either. */
export function folder(name: string): Failure {
  const hint = 'name the files in it one by one';
  return new Failure('is-a-directory', 'this is a folder, and a file was expected', { hint, file: name });
}

/** An empty file is no input of any kind. */
export function empty(name: string): Failure {
  const hint = 'Even a log without events has a header. Was the file cut, or not written yet?';
  return new Failure('file-empty', 'the file is empty', { hint, file: name });
}

export function changed(name: string): Failure {
  const message = 'the file was cut or changed while it was read';
  return new Failure('file-changed-while-read', message, { file: name });
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
