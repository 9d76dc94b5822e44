/**
 * A source that is read in another thread than it lives in. Blobs, bytes and paths go there themselves; a
 * stream or an open file stays, and is asked for one piece after the other over a port of its own.
 */
import { asFailure, Failure, type FailureData } from './failure.js';
import { type FileLike, type Input, open, type Source } from './sources.js';

/** An input on its way to another thread. */
export type Sent = { name?: string | undefined } & (
  | { input: Blob | Uint8Array | ArrayBuffer | string }
  | { port: MessagePort }
);

/** One piece, the end, or why there is none. */
type Answer = { piece: Uint8Array | undefined } | { failure: FailureData };

/** What goes to the other thread, and what must be transferred with it. */
export function send(input: Input, name?: string): { sent: Sent; transfer: Transferable[] } {
  if (input instanceof ReadableStream || isOpenFile(input)) {
    const { port1, port2 } = new MessageChannel();
    serve(input, name, port1);
    return { sent: { name, port: port2 }, transfer: [port2] };
  }
  const called = name ?? (typeof File !== 'undefined' && input instanceof File ? input.name : undefined);
  return { sent: { name: called, input: input instanceof URL ? input.href : input }, transfer: [] };
}

/** The source that was sent. */
export async function receive(sent: Sent): Promise<Source> {
  if ('input' in sent) return open(asUrl(sent.input), sent.name);
  const { port } = sent;
  const name = sent.name ?? 'a stream';
  const pieces = async function* () {
    try {
      for (;;) {
        const answer = await asked(port);
        if ('failure' in answer) throw Failure.fromData(answer.failure);
        if (!answer.piece) return;
        yield answer.piece;
      }
    } finally {
      port.close();
    }
  };
  return { name, size: undefined, pieces, readAt: undefined, close: async () => port.close() };
}

/** Hands out a source's pieces, one for each message; each is transferred, so none is held twice. */
function serve(
  input: ReadableStream<Uint8Array> | FileLike,
  name: string | undefined,
  port: MessagePort,
): void {
  const pieces = (async function* () {
    yield* (await open(input, name)).pieces();
  })();
  port.onmessage = async () => {
    try {
      const { value } = await pieces.next();
      const piece = value?.slice();
      port.postMessage({ piece } satisfies Answer, piece ? [piece.buffer] : []);
      if (!piece) port.close();
    } catch (error) {
      port.postMessage({ failure: asFailure(error).toData() } satisfies Answer);
      port.close();
    }
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
