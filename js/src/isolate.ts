/**
 * Work in a thread of its own, which can be ended: when a kernel runs past its deadline, when the caller
 * gives up, when the thread runs out of memory. Whatever a kernel does, the page or program goes on.
 */

import WORKER from 'worker-source';
import { startWorker, type WorkerPort } from '#platform';
import { ask, interrupted } from './exchange.js';
import { Failure } from './failure.js';
import type { Answer } from './generated/loader/loader.js';
import type { Description, Verdict } from './kernel.js';
import { LIMITS, type Limits } from './meter.js';
import type { Requests } from './protocol.js';
import { type Sent, send } from './remote.js';
import type { Input } from './sources.js';
import type { Evidence, Given } from './verify.js';

/** How work is done. */
export interface IsolateOptions {
  /** What a kernel may use. */
  limits?: Limits;
  /**
   * Where `worker.js` of this package is served, for pages whose policy forbids workers from blobs. Without
   * it the worker is made from its source, which is part of this module.
   */
  workerUrl?: URL;
}

/** How one task is done. */
export interface RunOptions {
  /** Ends the work; it then fails with `interrupted`. */
  signal?: AbortSignal | undefined;
  /** Hears how many bytes of all logs together have been judged. */
  onProgress?: ((bytes: number) => void) | undefined;
}

/** A log, and how much of it is judged. */
export interface LogInput {
  input: Input;
  /** What to call it in a message. */
  name?: string;
  /** Judge only its first so many events. */
  limit?: bigint;
}

/** A batch's outcome, and the state after it. */
export interface Judged extends Verdict {
  /** The packed commitment to it: 84 bytes. */
  state: Uint8Array;
}

/** A thread for kernels. It is started with the first task, and again after it had to be ended. */
export class Isolate {
  readonly #limits: Limits;
  readonly #workerUrl: URL | undefined;
  #worker: WorkerPort | undefined;
  /** Ends the task at hand, while there is one. */
  #interrupt: (() => void) | undefined;

  constructor(options: IsolateOptions = {}) {
    this.#limits = options.limits ?? LIMITS;
    this.#workerUrl = options.workerUrl;
  }

  /** What a kernel says of itself. */
  describe(kernel: Input, options: RunOptions = {}): Promise<Description> {
    const hand = new Handing();
    return this.#run('describe', { kernel: hand.over(kernel) }, hand, options);
  }

  /** Judges one batch, from genesis or from a snapshot's state. */
  judge(
    given: { kernel: Input; logs: LogInput[]; snapshot?: Input | undefined },
    options: RunOptions = {},
  ): Promise<Judged> {
    const hand = new Handing();
    const logs = given.logs.map(({ input, name, limit }) => ({ source: hand.over(input, name), limit }));
    const snapshot = given.snapshot === undefined ? undefined : hand.over(given.snapshot);
    return this.#run('judge', { kernel: hand.over(given.kernel), logs, snapshot }, hand, options);
  }

  /** Judges an obstruction certificate's evidence again, alone; returns where the conflict is there. */
  rejudge(given: { kernel: Input; certificate: Input }, options: RunOptions = {}): Promise<void> {
    const hand = new Handing();
    const request = { kernel: hand.over(given.kernel), certificate: hand.over(given.certificate) };
    return this.#run('rejudge', request, hand, options);
  }

  /** @internal */
  async verify(given: Evidence, loader: WebAssembly.Module, options: RunOptions): Promise<Answer> {
    const hand = new Handing();
    let request: Requests['verify'];
    try {
      request = { loader, ...handedOver(given, hand) };
    } catch (error) {
      hand.stop();
      throw error;
    }
    return this.#run('verify', request, hand, options);
  }

  /** @internal */
  failed(failure: Failure, loader: WebAssembly.Module): Promise<Answer> {
    return this.#run('failed', { loader, failure: failure.toData() }, new Handing(), {});
  }

  /** Ends the thread. A task that is still running fails with `interrupted`. */
  close(): void {
    this.#interrupt?.();
    this.#worker?.end();
    this.#worker = undefined;
  }

  async #run<Task extends keyof Requests, Result>(
    task: Task,
    given: Requests[Task],
    hand: Handing,
    { signal, onProgress }: RunOptions,
  ): Promise<Result> {
    const refused = this.#interrupt
      ? new Failure('usage', 'this thread is at work: wait, or use another')
      : signal?.aborted && interrupted(signal);
    if (refused) {
      hand.stop();
      throw refused;
    }
    this.#worker ??= startWorker(WORKER, this.#workerUrl);
    const worker = this.#worker;
    const limits = this.#limits;
    const gone = () => {
      if (this.#worker === worker) this.#worker = undefined;
    };
    worker.keepAlive(true);
    const asking = { limits, transfer: hand.transfer, signal, onProgress, gone };
    const { answer, interrupt } = ask<Result>(worker, { task, given, limits }, asking);
    this.#interrupt = interrupt;
    try {
      return await answer;
    } finally {
      this.#interrupt = undefined;
      hand.stop();
      worker.keepAlive(false);
    }
  }
}

/** What is handed over for one task. */
class Handing {
  readonly transfer: Transferable[] = [];
  readonly #stops: (() => void)[] = [];

  over(input: Input, name?: string): Sent {
    const { sent, transfer, stop } = send(input, name);
    this.transfer.push(...transfer);
    this.#stops.push(stop);
    return sent;
  }

  give(given: Given): Sent {
    if (given === null || (typeof given !== 'object' && typeof given !== 'string')) {
      throw new Failure('usage', 'something that was given is nothing that can be read');
    }
    const named = typeof given === 'object' && 'input' in given;
    return named ? this.over(given.input, given.name) : this.over(given);
  }

  /** The task ended. */
  stop(): void {
    for (const stop of this.#stops) stop();
  }
}

function handedOver(given: Evidence, hand: Handing): Omit<Requests['verify'], 'loader'> {
  const { trust, kernel, head } = given;
  const give = (given: Given | undefined) => (given === undefined ? undefined : hand.give(given));
  const keys = trust && 'keys' in trust ? trust.keys : [];
  const policy = trust && 'policy' in trust ? trust.policy : undefined;
  const text = trust && 'policyText' in trust ? new Blob([trust.policyText]) : undefined;
  return {
    certificates: hand.give(given.certificates),
    kind: given.kind,
    certificateHash: give(given.certificateHash),
    logs: (given.logs ?? []).map((log) => hand.give(log)),
    kernels: (kernel === undefined ? [] : [kernel].flat()).map((kernel) => hand.give(kernel)),
    policy: text ? hand.over(text, 'the trust policy') : give(policy),
    trust: keys.map((key) => (typeof key === 'string' ? key : hand.give(key))),
    anySigner: trust !== undefined && 'anySigner' in trust && trust.anySigner === true,
    proof: give(given.proof),
    snapshot: give(given.snapshot),
    head: typeof head === 'string' ? head : give(head),
  };
}
