/**
 * Verifying, for the page: all work in a worker that can be ended. This file alone knows how; the rest of
 * the page knows `look` and `verify`.
 */
import { ask, interrupted } from '../src/exchange.js';
import { LIMITS } from '../src/meter.js';
import { startWorker, type WorkerPort } from '../src/platform.browser.js';
import type { Asked, Given, Looked, Parts, Task, Unpacked, Verified } from './protocol.js';

/** What the page's own kernel is. */
export interface BuiltIn {
  hash: string;
  size: number;
}

/** Does one thing after the other; what is asked meanwhile waits. */
export class Verifier {
  readonly #script: string;
  readonly #parts: Parts;
  #worker: WorkerPort | undefined;
  #last: Promise<unknown> = Promise.resolve();

  /**
   * @param script the worker's source.
   * @param parts what it is handed when it is started.
   */
  constructor(script: string, parts: Parts) {
    this.#script = script;
    this.#parts = parts;
  }

  /** Starts the worker; the kernel that is built in, if one is. */
  start(): Promise<BuiltIn | undefined> {
    return this.#queue(() => this.#started());
  }

  /** What a file is, by its first bytes, and its hash, for which all of it is read. Aborting is as with `verify`. */
  look(file: Given, signal: AbortSignal, onProgress: (bytes: number) => void): Promise<Looked> {
    return this.#queue(async () => {
      await this.#started();
      return (await this.#ask({ task: 'look', file }, signal, onProgress)) as Looked;
    });
  }

  /** What an evidence file holds. Aborting is as with `verify`. */
  unpack(file: Given, signal: AbortSignal): Promise<Unpacked> {
    return this.#queue(async () => {
      await this.#started();
      return (await this.#ask({ task: 'unpack', file }, signal)) as Unpacked;
    });
  }

  /** Verifies. An abort ends the worker at once, whatever it does: it then fails with `interrupted`. */
  verify(asked: Asked, signal: AbortSignal, onProgress: (bytes: number) => void): Promise<Verified> {
    return this.#queue(async () => {
      await this.#started();
      return (await this.#ask({ task: 'verify', asked }, signal, onProgress)) as Verified;
    });
  }

  #queue<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => {});
    return result;
  }

  #about: BuiltIn | undefined;

  async #started(): Promise<BuiltIn | undefined> {
    if (this.#worker) return this.#about;
    const worker = startWorker(this.#script);
    this.#worker = worker;
    try {
      this.#about = (await this.#ask({ task: 'start', parts: this.#parts })) as BuiltIn | undefined;
    } catch (error) {
      // One that is not ready can do nothing: the next task begins with another.
      worker.end();
      if (this.#worker === worker) this.#worker = undefined;
      throw error;
    }
    return this.#about;
  }

  #ask(task: Task, signal?: AbortSignal, onProgress?: (bytes: number) => void): Promise<unknown> {
    if (signal?.aborted) return Promise.reject(interrupted(signal));
    const worker = this.#worker as WorkerPort;
    const gone = () => {
      if (this.#worker === worker) this.#worker = undefined;
    };
    return ask(worker, task, { limits: LIMITS, signal, onProgress, gone }).answer;
  }
}
