/**
 * A source that is read in another thread than it lives in. Blobs, bytes and paths go there themselves; a
 * stream or an open file stays, and is asked for one piece after the other over a port of its own.
 */

import { besideLog } from '#platform';
import { asFailure, Failure, type FailureData } from './failure.js';
import { changed, empty, type FileLike, type Input, open, type Source } from './sources.js';

/** An input on its way to another thread. */
export type Sent = { name?: string | undefined } & (
  | { input: Blob | Uint8Array | ArrayBuffer | string }
  | { port: MessagePort }
);

/** One piece, the end, or why there is none. */
type Answer = { piece: Uint8Array | undefined } | { failure: FailureData };

/** An input, made ready for another thread. */
export interface Sending {
  sent: Sent;
  /** What must be transferred with it. */
  transfer: Transferable[];
  /** Lets go of what stayed here: the work there is done, or given up. */
  stop(): void;
}

/** Makes an input ready for another thread. */
export function send(input: Input, name?: string): Sending {
  if (input instanceof ReadableStream || isOpenFile(input)) {
    const { port1, port2 } = new MessageChannel();
    const stop = serve(input, name, port1);
    return { sent: { name, port: port2 }, transfer: [port2], stop };
  }
  const called = name ?? (input instanceof File ? input.name : undefined);
  return {
    sent: { name: called, input: input instanceof URL ? input.href : input },
    transfer: [],
    stop: () => {},
  };
}

/**
 * The source that was sent. It is opened when its first piece is asked for and closed behind its last, so
 * that thousands of them hold one file at a time; it can be read once.
 */
export function receive(sent: Sent): Source {
  if ('port' in sent) return ofPort(sent.port, sent.name ?? 'a stream');
  const { input } = sent;
  const pieces = async function* () {
    const source = await open(asUrl(input), sent.name);
    try {
      yield* source.pieces();
    } finally {
      await source.close();
    }
  };
  const name = sent.name ?? (typeof input === 'string' ? input : 'bytes');
  return { name, size: undefined, pieces, readAt: undefined, close: async () => {} };
}

/**
 * As {@link receive}, for what is there: what can be read again can be, and a file is open only while it is
 * read.
 *
 * @throws {Failure} those of opening, and `file-empty`.
 */
export async function reach(sent: Sent): Promise<Source> {
  if ('port' in sent) return receive(sent);
  const input = asUrl(sent.input);
  const first = await open(input, sent.name);
  if (!first.readAt) return first;
  await first.close();
  const { name, size, version } = first;
  if (size === 0) throw empty(name);
  const again = async () => {
    const source = await open(input, sent.name);
    if (source.version === version) return source;
    await source.close();
    throw changed(name);
  };
  const pieces = async function* () {
    const source = await again();
    try {
      yield* source.pieces();
    } finally {
      await source.close();
    }
  };
  const readAt = async (offset: number, length: number) => {
    const source = await again();
    try {
      return (await source.readAt?.(offset, length)) ?? new Uint8Array(0);
    } finally {
      await source.close();
    }
  };
  return { name, size, version, pieces, readAt, close: async () => {} };
}

/** The `cert.hash` beside a certificate log that was sent as a path. */
export function sidecar(sent: Sent): Sent | undefined {
  if ('port' in sent || typeof sent.input !== 'string') return undefined;
  const path = besideLog(asUrl(sent.input) as string | URL);
  return path === undefined ? undefined : { input: path };
}

function ofPort(port: MessagePort, name: string): Source {
  const pieces = async function* () {
    for (;;) {
      const answer = await asked(port);
      if ('failure' in answer) throw Failure.fromData(answer.failure);
      if (!answer.piece) return;
      yield answer.piece;
    }
  };
  return { name, size: undefined, pieces, readAt: undefined, close: async () => port.close() };
}

/** Hands out a source's pieces, one for each message; each is transferred, so none is held twice. */
function serve(
  input: ReadableStream<Uint8Array> | FileLike,
  name: string | undefined,
  port: MessagePort,
): () => void {
  const pieces = (async function* () {
    yield* (await open(input, name)).pieces();
  })();
  let begun = false;
  port.onmessage = async () => {
    begun = true;
    try {
      const { value } = await pieces.next();
      const piece = value?.slice();
      port.postMessage({ piece } satisfies Answer, piece ? [piece.buffer] : []);
    } catch (error) {
      port.postMessage({ failure: asFailure(error).toData() } satisfies Answer);
    }
  };
  return () => {
    port.close();
    // Ends the stream too, once what it was asked for has come; one that nobody asked ends here.
    pieces.return().catch(() => {});
    if (!begun && input instanceof ReadableStream && !input.locked) input.cancel().catch(() => {});
  };
}

function asked(port: MessagePort): Promise<Answer> {
  return new Promise((resolve) => {
    port.onmessage = ({ data }) => resolve(data as Answer);
    port.postMessage('next');
  });
}

function isOpenFile(input: unknown): input is FileLike {
  return typeof (input as Partial<FileLike>).read === 'function';
}

/** A `file:` URL went as text; a path that begins like one is none that anybody has. */
function asUrl(input: Blob | Uint8Array | ArrayBuffer | string): Input {
  return typeof input === 'string' && input.startsWith('file:') ? new URL(input) : input;
}
