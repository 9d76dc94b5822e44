/** What Node does in its own way: paths are opened, and a worker is a thread. */
import * as fs from 'node:fs/promises';
import { join, parse } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import * as threads from 'node:worker_threads';
import { Failure } from './failure.js';
import type { Port, WorkerPort } from './platform.browser.js';
import { folder, ofFile, ofStream, type Source } from './sources.js';

export type { Port, WorkerPort } from './platform.browser.js';

/** Mebibytes of JavaScript heap of a worker, beside linear memory: what it holds does not grow with logs. */
const HEAP_MEBIBYTES = 512;

export async function openPath(path: string | URL, name?: string): Promise<Source> {
  const called = name ?? String(path);
  const at = path instanceof URL ? localPath(path) : path;
  const file = await fs.open(at, 'r').catch((error: unknown) => {
    const details = { file: called, cause: error };
    switch ((error as NodeJS.ErrnoException).code) {
      case 'ENOENT': {
        const hint = 'Look at the name, and at the folder that it is seen from.';
        throw new Failure('file-not-found', 'there is no such file', { ...details, hint });
      }
      case 'ENOTDIR': {
        const message = 'there is no such file: a part of its path is no folder';
        throw new Failure('file-not-found', message, { ...details, hint: 'Look at the name.' });
      }
      case 'EACCES':
      case 'EPERM': {
        const hint = 'Ask its owner, or look at its mode with `ls -l`.';
        throw new Failure('file-unreadable', 'you may not read this file', { ...details, hint });
      }
      default:
        throw new Failure('file-unreadable', `the file cannot be read: ${(error as Error).message}`, details);
    }
  });
  const about = await file.stat();
  if (about.isDirectory()) {
    await file.close();
    throw folder(called);
  }
  // What a pipe gives comes once; whoever reads it to its end closes it.
  if (about.isFIFO()) {
    return ofStream(Readable.toWeb(file.createReadStream()) as ReadableStream<Uint8Array>, called);
  }
  if (!about.isFile()) {
    await file.close();
    const message = 'this is a device or a socket, and a file was expected';
    const hint = 'to read what a program prints, pipe it in and name the input `-`';
    throw new Failure('file-unreadable', message, { hint, file: called });
  }
  const version = `${about.dev} ${about.ino} ${about.size} ${about.mtimeMs}`;
  return { ...ofFile(file, called, () => file.close()), size: about.size, version };
}

/** Where the `cert.hash` of a certificate log stands. */
export function besideLog(path: string | URL): string | undefined {
  const { dir, name } = parse(path instanceof URL ? localPath(path) : path);
  return join(dir, `${name}.hash`);
}

function localPath(url: URL): string {
  if (url.protocol === 'file:') return fileURLToPath(url);
  throw new Failure('usage', `only file: is opened, not ${url.protocol}`);
}

/** Starts a worker from its source, or from its file. */
export function startWorker(source: string, url?: URL): WorkerPort {
  const resourceLimits = { maxOldGenerationSizeMb: HEAP_MEBIBYTES };
  const worker = url
    ? new threads.Worker(url, { resourceLimits })
    : new threads.Worker(source, { eval: true, resourceLimits });
  return {
    send: (message, transfer = []) => worker.postMessage(message, transfer as threads.Transferable[]),
    onMessage: (listener) => void worker.removeAllListeners('message').on('message', listener),
    onDeath: (listener) => {
      worker.removeAllListeners('error').on('error', (error: Error & { code?: string }) => {
        listener(`${error.code ?? ''} ${error.message}`.trim());
      });
      worker.removeAllListeners('exit').on('exit', (code) => listener(`it ended with ${code}`));
    },
    keepAlive: (on) => (on ? worker.ref() : worker.unref()),
    end: () => void worker.terminate(),
  };
}

/** The line to whoever started this worker. */
export function parentPort(): Port {
  const port = threads.parentPort;
  if (!port) throw new Failure('internal', 'the worker was not started as one');
  return {
    send: (message, transfer = []) => port.postMessage(message, transfer as threads.Transferable[]),
    onMessage: (listener) => void port.on('message', listener),
  };
}
