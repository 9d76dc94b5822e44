/** What browsers do in their own way: there are no paths, and a worker is made from a blob. */
import { Failure } from './failure.js';
import type { Source } from './sources.js';

/** One end of a line between two threads. */
export interface Port {
  send(message: unknown, transfer?: Transferable[]): void;
  onMessage(listener: (message: unknown) => void): void;
}

/** A worker, from outside. */
export interface WorkerPort extends Port {
  /** The worker died of itself. */
  onDeath(listener: (why: string) => void): void;
  /** Whether the program waits for it: a worker without work keeps nobody from ending. */
  keepAlive(on: boolean): void;
  /** Ends it at once, whatever it does. */
  end(): void;
}

export async function openPath(path: string | URL, _name?: string): Promise<Source> {
  throw new Failure('usage', `a browser opens no paths: ${path}`, { hint: 'Give a File, Blob or stream.' });
}

export function besideLog(_path: string | URL): string | undefined {
  return undefined;
}

/** Starts a worker from its source, or from where its file is served. */
export function startWorker(source: string, url?: URL): WorkerPort {
  const blob = url ? undefined : URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
  const worker = new Worker(url ?? (blob as string));
  const forget = () => blob && URL.revokeObjectURL(blob);
  return {
    send: (message, transfer = []) => worker.postMessage(message, transfer),
    onMessage: (listener) => {
      worker.onmessage = ({ data }) => {
        forget();
        listener(data);
      };
    },
    onDeath: (listener) => {
      worker.onerror = (event) => {
        event.preventDefault();
        forget();
        listener(event.message ?? 'the worker could not be started');
      };
      // Otherwise whoever waits for what it said would wait for ever.
      worker.onmessageerror = () => listener('what it said could not be read');
    },
    keepAlive: () => {},
    end: () => {
      forget();
      worker.terminate();
    },
  };
}

/** The line to whoever started this worker. */
export function parentPort(): Port {
  const scope = globalThis as unknown as DedicatedWorkerGlobalScope;
  return {
    send: (message, transfer = []) => scope.postMessage(message, transfer),
    onMessage: (listener) => {
      scope.onmessage = ({ data }) => listener(data);
    },
  };
}

/** The part of a dedicated worker's global scope that is used: its types are not those of a page. */
interface DedicatedWorkerGlobalScope {
  postMessage(message: unknown, transfer: Transferable[]): void;
  onmessage: ((event: MessageEvent) => void) | null;
}
