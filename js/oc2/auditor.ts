/**
 * Verifying a point of the chain in this browser: fetches what that takes from the node, and believes none of
 * it. The worker that judges can be ended at any time; it keeps the state that it came to, so that the next
 * point begins there.
 */
import { ask } from '../src/exchange.js';
import { Failure } from '../src/failure.js';
import { LIMITS } from '../src/meter.js';
import { startWorker, type WorkerPort } from '../src/platform.browser.js';
import type { Api } from './api.js';
import type { Answer, Named, Task } from './audit-protocol.js';
import { count, upTo } from './cert-log.js';
import type { Heights } from './heights.js';
import type { Entry, KernelFile, One } from './types.js';

/** Batches that are fetched ahead of the one that is judged. */
const AHEAD = 6;
/** Kernels that are fetched, at most. */
const MOST_KERNELS = 32;

/** How a point is verified. */
export interface Wanted {
  /** A public key to trust; without one, whoever signed is accepted. */
  key: string | undefined;
  signal: AbortSignal;
  /** Says in a few words what is being done. */
  tell(words: string): void;
}

/** Verifies points of the chain, one at a time. */
export class Auditor {
  readonly #api: Api;
  readonly #heights: Heights;
  readonly #script: string;
  readonly #loader: string;
  #worker: WorkerPort | undefined;
  /** Height of the verdict whose state the worker has open; -1: that of none, from which every chain starts. */
  #at: number | undefined;
  #log: Uint8Array | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(api: Api, heights: Heights, parts: { worker: string; loader: string }) {
    this.#api = api;
    this.#heights = heights;
    this.#script = parts.worker;
    this.#loader = parts.loader;
  }

  /**
   * Verifies the chain up to a height, and judges that batch again from the state before it.
   *
   * @throws {Failure} `interrupted`; what keeps a batch before it from being judged again.
   */
  point(height: number, wanted: Wanted): Promise<Answer> {
    return this.#queue(() => this.#point(height, wanted));
  }

  /** Verifies a proof about the certificate at a height. */
  proof(proof: Uint8Array, height: string, signal: AbortSignal): Promise<Answer> {
    return this.#queue(() => this.#proof(proof, height, signal));
  }

  /** Ends the worker and drops what was fetched. */
  forget(): void {
    this.#worker?.end();
    this.#worker = undefined;
    this.#at = undefined;
    this.#log = undefined;
  }

  /** The worker does one thing after the other. */
  #queue<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => {});
    return result;
  }

  async #point(height: number, wanted: Wanted): Promise<Answer> {
    const [entry] = await this.#heights.range(height, height, wanted.signal);
    if (!entry) throw new Failure('certificate-missing', `the node has no certificate at height ${height}`);
    wanted.tell('Reading the chain…');
    const log = await this.#certificates(height, wanted.signal);
    await this.#ready(wanted.signal);
    let logs: Named[] = [];
    if (entry.verdict !== null) {
      logs = await this.#logs(height, wanted.signal);
      await this.#state(entry, wanted);
    }
    wanted.tell('Verifying…');
    const judges = logs.length > 0;
    const point = {
      certificates: { name: 'cert.log', input: upTo(log, height) },
      head: entry.chain_hash,
      state: judges ? { chainId: entry.chain_id, height: height - 1 } : undefined,
      logs,
      trust: wanted.key ? [wanted.key] : [],
    };
    const answer = await this.#ask<Answer>({ task: 'verify', point }, wanted.signal);
    // What is not right may come from what was fetched: the next time all of it is fetched anew.
    if (answer.exit !== 0) this.forget();
    return answer;
  }

  async #proof(proof: Uint8Array, height: string, signal: AbortSignal): Promise<Answer> {
    const one = await this.#api.json<One>(`/api/certificates/${height}`, signal);
    await this.#ready(signal);
    const certificate = { name: `certificate ${height}`, input: fromBase64(one.bytes) };
    return this.#ask({ task: 'prove', certificate, proof: { name: 'the proof', input: proof } }, signal);
  }

  async #certificates(height: number, signal: AbortSignal): Promise<Uint8Array> {
    if (!this.#log || count(this.#log) <= height) this.#log = await this.#api.bytes('/api/cert.log', signal);
    return this.#log;
  }

  /** Starts the worker and hands it the kernels that the node has. */
  async #ready(signal: AbortSignal): Promise<void> {
    if (!this.#worker) {
      this.#worker = startWorker(this.#script);
      this.#at = undefined;
      await this.#ask({ task: 'start', loader: this.#loader }, signal);
    }
    const { kernels } = await this.#api.json<{ kernels: KernelFile[] }>('/api/kernels', signal);
    const named = kernels.slice(0, MOST_KERNELS).map(async ({ hash }) => {
      const path = `/kernels/${hash}.wasm`;
      return { name: path, input: await this.#api.bytes(path, signal) };
    });
    await this.#ask({ task: 'kernels', kernels: await Promise.all(named) }, signal);
  }

  /** Has the worker come to the state before a verdict, from the nearest state that is at hand. */
  async #state(entry: Entry, { signal, tell }: Wanted): Promise<void> {
    const before = Number(entry.height) - 1;
    const { snapshots } = await this.#api.json<{ snapshots: { height: string }[] }>('/api/snapshots', signal);
    const nearest = Math.max(
      -1,
      ...snapshots.map(({ height }) => Number(height)).filter((at) => at <= before),
    );
    if (this.#at === undefined || this.#at > before || this.#at < nearest) {
      const [first = entry] = await this.#heights.range(nearest + 1, nearest + 1, signal);
      const path = `/api/snapshots/${nearest}`;
      const snapshot = nearest < 0 ? undefined : { name: path, input: await this.#api.bytes(path, signal) };
      this.#at = undefined;
      await this.#ask({ task: 'open', kernel: first.kernel_hash, snapshot }, signal);
      this.#at = nearest;
    }
    const between = await this.#heights.range(this.#at + 1, before, signal);
    // Where logs conflicted, the state stayed as it was.
    const merges = between.filter(({ verdict }) => verdict === 'merge');
    const fetched = merges.slice(0, AHEAD).map((merge) => this.#logs(Number(merge.height), signal));
    for (const [number, { height, kernel_hash: kernel }] of merges.entries()) {
      tell(`Judging what came before: batch ${number + 1} of ${merges.length}…`);
      const logs = await fetched[number];
      const next = merges[number + AHEAD];
      if (next) fetched.push(this.#logs(Number(next.height), signal));
      // One that fails is met when it is its turn.
      fetched.at(-1)?.catch(() => {});
      await this.#ask({ task: 'judge', kernel, logs: logs ?? [] }, signal);
      this.#at = Number(height);
    }
    this.#at = before;
  }

  /** The logs of a batch, as they were judged. */
  async #logs(height: number, signal: AbortSignal): Promise<Named[]> {
    const { logs } = await this.#api.json<One>(`/api/certificates/${height}`, signal);
    return Promise.all(
      logs.map(async ({ name }, number) => ({
        name: `${name}, height ${height}`,
        input: await this.#api.bytes(`/api/certificates/${height}/logs/${number}`, signal),
      })),
    );
  }

  async #ask<Result>(task: Task, signal: AbortSignal): Promise<Result> {
    const worker = this.#worker;
    if (!worker) throw new Failure('interrupted', 'the work was interrupted before it was done');
    const gone = () => {
      if (this.#worker === worker) this.forget();
    };
    try {
      return await ask<Result>(worker, task, { limits: LIMITS, signal, gone }).answer;
    } catch (error) {
      // The state that it has is not known any more.
      gone();
      throw error;
    }
  }
}

export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
