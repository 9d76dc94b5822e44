/**
 * Verifying, for the page: all work in a worker that can be ended. This file alone knows how; the rest of
 * the page knows `look` and `verify`.
 */
import { Failure } from '../src/failure.js';
import { Deadline, LIMITS } from '../src/meter.js';
import { startWorker, type WorkerPort } from '../src/platform.browser.js';
import type { Asked, Given, Looked, Parts, Reply, Task, Verified } from './protocol.js';

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

  /** Starts the worker; the kernel that is built in. */
  start(): Promise<BuiltIn> {
    return this.#queue(() => this.#started());
  }

  /** What a file is, by its first bytes, and its hash. */
  look(file: Given): Promise<Looked> {
    return this.#queue(async () => {
      await this.#started();
      return (await this.#ask({ task: 'look', file })) as Looked;
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

  async #started(): Promise<BuiltIn> {
    if (this.#worker && this.#about) return this.#about;
    this.#worker = startWorker(this.#script);
    this.#about = (await this.#ask({ task: 'start', parts: this.#parts })) as BuiltIn;
    return this.#about;
  }

  #ask(task: Task, signal?: AbortSignal, onProgress?: (bytes: number) => void): Promise<unknown> {
    const worker = this.#worker as WorkerPort;
    return new Promise((resolve, reject) => {
      const settle = (how: () => void) => {
        deadline.stop();
        signal?.removeEventListener('abort', interrupted);
        how();
      };
      const giveUp = (failure: Failure) => {
        this.#worker = undefined;
        worker.end();
        settle(() => reject(failure));
      };
      const interrupted = () => giveUp(new Failure('interrupted', 'cancelled before it was done'));
      const late = () => giveUp(new Failure('kernel-deadline', 'the kernel ran past its deadline'));
      const deadline = new Deadline(LIMITS, late);
      worker.onDeath((why) => giveUp(new Failure('internal', `the worker ended: ${why}`)));
      worker.onMessage((message) => {
        const reply = message as Reply;
        if ('enter' in reply) deadline.enter(reply.enter);
        else if ('leave' in reply) deadline.leave();
        else if ('renew' in reply) deadline.renew();
        else if ('progress' in reply) onProgress?.(reply.progress);
        else if ('failure' in reply) settle(() => reject(Failure.fromData(reply.failure)));
        else settle(() => resolve(reply.done));
      });
      if (signal?.aborted) interrupted();
      else {
        signal?.addEventListener('abort', interrupted);
        worker.send(task);
      }
    });
  }
}
