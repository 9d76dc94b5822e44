/**
 * A kernel, run in this thread: the very bytes of its component's core modules, wired by generated glue.
 *
 * Kernels are untrusted code. Before anything of one is compiled its component must have the glue's shape and
 * its modules exactly the glue's imports. What it returns is held to the contract; its own faults, traps and
 * broken promises become a `Failure` each, and after a trap or a broken promise an instance is never entered
 * again. Every session has an instance of its own.
 *
 * What cannot be done from within a thread: to end a call that does not return (`isolate.ts` ends the thread
 * instead), and to stop memory from growing during a call. Growth is looked at after each call; up to there
 * the engine's own limit holds, 4 GiB for a wasm32 memory, and an engine that runs out sooner ends the
 * thread. An engine may also compute another NaN or relaxed-SIMD result than another: a kernel that uses
 * them may say different things on different machines. This project's kernel has no floats.
 */
import { invalidKernel, refuseOtherShape, takeApart } from './component.js';
import { type Border, border } from './core-module.js';
import { Failure, kernelFaultName } from './failure.js';
import type * as Certificates from './generated/glue/interfaces/omega-kernel-certificates.js';
import type * as Contract from './generated/glue/interfaces/omega-kernel-session.js';
import { instantiate } from './generated/glue/kernel.js';
import { MODULES, SHAPE } from './generated/shape.js';
import { LIMITS, type Limits, memoryAllowed, type Watch } from './meter.js';
import { Malformed } from './reader.js';

export type { Proven, Summary } from './generated/glue/interfaces/omega-kernel-certificates.js';
export type {
  ChainPosition,
  Description,
  JudgedLog,
} from './generated/glue/interfaces/omega-kernel-session.js';

/** Bytes that one call takes or returns. */
export const MAX_CHUNK_BYTES = 8 << 20;
/** Bytes in a verdict's body. */
const MAX_BODY_BYTES = 16 << 20;
/** Logs in a batch. */
const MAX_LOGS = 4096;
/** Characters of a kernel's message that are shown. */
const MAX_MESSAGE = 1000;

const dispose: symbol = Symbol.dispose ?? Symbol.for('dispose');

/** A batch's outcome. */
export interface Verdict {
  /** True: the logs agree and the state moved on. */
  merged: boolean;
  /** What a certificate carries: core and observations. */
  body: Uint8Array;
  /** In the caller's order. */
  logs: Contract.JudgedLog[];
}

/** How kernels are run. */
export interface KernelOptions {
  /** What a kernel may use. */
  limits?: Limits;
  /** Is told of every call. */
  watch?: Watch;
}

/** A compiled kernel. */
export class Kernel {
  readonly #modules: WebAssembly.Module[];
  readonly #options: Required<KernelOptions>;
  readonly #componentBytes: number;

  private constructor(modules: WebAssembly.Module[], bytes: number, options: KernelOptions) {
    this.#modules = modules;
    this.#componentBytes = bytes;
    this.#options = { limits: options.limits ?? LIMITS, watch: options.watch ?? UNWATCHED };
  }

  /**
   * Checks and compiles a component. Nothing of it runs yet.
   *
   * @throws {Failure} `kernel-invalid`, `kernel-unknown`, `kernel-memory-limit`, `file-empty`.
   */
  static async compile(component: Uint8Array, options: KernelOptions = {}): Promise<Kernel> {
    const parts = takeApart(component);
    refuseOtherShape(parts, latin1(SHAPE));
    const limits = options.limits ?? LIMITS;
    refuseOtherBorders(parts.modules, limits, component.length);
    const modules: WebAssembly.Module[] = [];
    // Compiling is the kernel's time too: code can be made to take long.
    options.watch?.enter(component.length);
    try {
      for (const [at, module] of parts.modules.entries()) {
        const compiled = await WebAssembly.compile(module as BufferSource).catch((error: unknown) => {
          throw invalidKernel(`its code cannot be compiled: ${text(error)}`);
        });
        refuseOtherImports(compiled, at);
        modules.push(compiled);
      }
    } finally {
      options.watch?.leave();
    }
    return new Kernel(modules, component.length, options);
  }

  /** What the kernel says of itself. */
  async describe(): Promise<Contract.Description> {
    const instance = await this.#instance();
    return instance.call(0, () => instance.session.describe());
  }

  /** A session with the empty state that every chain starts from. */
  async session(): Promise<Session> {
    const instance = await this.#instance();
    return new Session(
      instance,
      instance.call(0, () => new instance.session.Session()),
    );
  }

  /**
   * A session with a snapshot's state, and the chain position that the snapshot names (which proves nothing).
   *
   * @param snapshot its bytes, in pieces of at most a chunk.
   */
  async restore(
    snapshot: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  ): Promise<[Session, Contract.ChainPosition | undefined]> {
    const instance = await this.#instance();
    const restorer = instance.call(0, () => new instance.session.Restorer());
    for await (const piece of snapshot) {
      instance.call(piece.length, () => restorer.push(piece));
    }
    const [session, position] = instance.call(0, () => instance.session.Session.restore(restorer));
    return [new Session(instance, session), position];
  }

  /** Reads a certificate and checks all that it says about itself. */
  async decode(certificate: Uint8Array): Promise<Certificates.Summary> {
    const instance = await this.#instance();
    return instance.call(certificate.length, () => instance.certificates.decode(certificate));
  }

  /** Judges an obstruction certificate's evidence again, alone; returns where the conflict is there. */
  async rejudge(certificate: Uint8Array): Promise<void> {
    const instance = await this.#instance();
    instance.call(certificate.length, () => instance.certificates.rejudge(certificate));
  }

  /** Checks a proof against the certificate that it names; what it has shown. */
  async checkProof(proof: Uint8Array, certificate: Uint8Array): Promise<Certificates.Proven> {
    const instance = await this.#instance();
    const bytes = proof.length + certificate.length;
    return instance.call(bytes, () => instance.certificates.checkProof(proof, certificate));
  }

  async #instance(): Promise<Instance> {
    const { limits, watch } = this.#options;
    const memories: WebAssembly.Memory[] = [];
    const names = this.#modules.map((_, at) => `kernel.core${at === 0 ? '' : at + 1}.wasm`);
    watch.enter(this.#componentBytes);
    try {
      const module = (name: string) => this.#modules[names.indexOf(name)] as WebAssembly.Module;
      const root = await instantiate(module, {}, async (module, imports) => {
        const instance = await WebAssembly.instantiate(module, imports);
        const { memory } = instance.exports;
        if (memory instanceof WebAssembly.Memory) memories.push(memory);
        return instance;
      });
      return new Instance(root.session, root.certificates, memories, this.#componentBytes, limits, watch);
    } catch (error) {
      if (error instanceof WebAssembly.RuntimeError) throw trapped(error);
      throw invalidKernel(`it cannot be started: ${text(error)}`);
    } finally {
      watch.leave();
    }
  }
}

/** A state that lives across batches, and the batch that is open. */
export class Session {
  readonly #instance: Instance;
  readonly #session: Contract.Session;

  /** @internal */
  constructor(instance: Instance, session: Contract.Session) {
    this.#instance = instance;
    this.#session = session;
  }

  /** Opens a batch; for each log, how many of its events are judged, or undefined for all. */
  beginBatch(logs: readonly (bigint | undefined)[]): void {
    this.#instance.watch.renew();
    const inputs = logs.map((limit) => (limit === undefined ? {} : { limit }));
    this.#instance.call(0, () => this.#session.beginBatch(inputs));
  }

  /** The next bytes of one log, at most a chunk. They are copied. How many of its events were read so far. */
  feed(log: number, bytes: Uint8Array): bigint {
    return this.#instance.call(bytes.length, () => this.#session.feed(log, bytes));
  }

  /** Judges the batch and closes it. */
  finish(): Verdict {
    const verdict = this.#instance.call(0, () => this.#session.finish());
    if (verdict.bodyBytes > MAX_BODY_BYTES || verdict.logs.length > MAX_LOGS) {
      throw this.#instance.broken('the body is larger than a body may be');
    }
    const body = new Uint8Array(verdict.bodyBytes);
    let at = 0;
    for (const chunk of this.#drained(BigInt(body.length), (max) => this.#session.readBody(max))) {
      body.set(chunk, at);
      at += chunk.length;
    }
    return { merged: verdict.merged, body, logs: verdict.logs };
  }

  /** Closes the open batch, if there is one, without a verdict. */
  abort(): void {
    this.#instance.call(0, () => this.#session.abort());
  }

  /** The packed commitment to the current state: 84 bytes. */
  state(): Uint8Array {
    const state = this.#instance.call(0, () => this.#session.state());
    if (state.length !== 84) throw this.#instance.broken('a state commitment has another shape');
    return state;
  }

  /** A snapshot of the current state, chunk by chunk: read it before the state changes. */
  *snapshot(position?: Contract.ChainPosition): Generator<Uint8Array, void> {
    const total = this.#instance.call(0, () => this.#session.beginSnapshot(position));
    yield* this.#drained(total, (max) => this.#session.readSnapshot(max));
  }

  /** Gives the session's memory back. It cannot be used afterwards. */
  dispose(): void {
    this.#instance.drop(this.#session);
  }

  /** Reads to the end what the kernel hands out in chunks: so many bytes, and not one more. */
  *#drained(total: bigint, read: (max: number) => Uint8Array): Generator<Uint8Array, void> {
    for (let left = total; left > 0n; ) {
      const max = left < MAX_CHUNK_BYTES ? Number(left) : MAX_CHUNK_BYTES;
      const chunk = this.#instance.call(max, () => read(max));
      if (chunk.length === 0) throw this.#instance.broken('it returned less than it announced');
      if (chunk.length > max) throw this.#instance.broken('it returned more than was asked for');
      left -= BigInt(chunk.length);
      yield chunk;
    }
  }
}

/** One instance and its account. */
class Instance {
  readonly session: typeof Contract;
  readonly certificates: typeof Certificates;
  readonly watch: Watch;
  readonly #memories: WebAssembly.Memory[];
  readonly #limits: Limits;
  #inputBytes: number;
  #failed: Failure | undefined;

  constructor(
    session: typeof Contract,
    certificates: typeof Certificates,
    memories: WebAssembly.Memory[],
    componentBytes: number,
    limits: Limits,
    watch: Watch,
  ) {
    this.session = session;
    this.certificates = certificates;
    this.watch = watch;
    this.#memories = memories;
    this.#inputBytes = componentBytes;
    this.#limits = limits;
  }

  /** Calls into the kernel with so many bytes of input, and puts the call's end into words. */
  call<T>(bytes: number, call: () => T): T {
    if (this.#failed) throw this.#failed;
    this.#inputBytes += bytes;
    this.watch.enter(bytes);
    let result: T;
    try {
      result = call();
    } catch (error) {
      throw this.#endedBy(error);
    } finally {
      this.watch.leave();
    }
    this.#refuseGrowth();
    return result;
  }

  /** The kernel broke the contract: it is not asked again. */
  broken(what: string): Failure {
    this.#failed = new Failure('kernel-output-invalid', `the kernel broke the contract: ${what}`);
    return this.#failed;
  }

  /** Drops a resource. One of an instance that failed goes with the instance, which is not entered again. */
  drop(resource: object): void {
    if (this.#failed) return;
    const drop = (resource as Record<symbol, (() => void) | undefined>)[dispose];
    if (drop) this.call(0, () => drop.call(resource));
  }

  #endedBy(error: unknown): Failure {
    const fault = asFault(error);
    if (fault) {
      const message = printable(fault.message);
      const code = kernelFaultName(fault.number);
      if (code) return new Failure(code, message, { log: fault.log, offset: fault.offset });
      return this.broken(`its fault has the unknown number ${fault.number}: ${message}`);
    }
    // A trap because memory ran out tells less than that it did.
    this.#failed = this.#grown() ?? trapOrBreach(error);
    return this.#failed;
  }

  #refuseGrowth(): void {
    const grown = this.#grown();
    if (grown) {
      this.#failed = grown;
      throw grown;
    }
  }

  #grown(): Failure | undefined {
    const used = this.#memories.reduce((sum, memory) => sum + memory.buffer.byteLength, 0);
    const allowed = memoryAllowed(this.#limits, this.#inputBytes);
    return used > allowed ? tooLarge(used, allowed) : undefined;
  }
}

const UNWATCHED: Watch = { enter() {}, leave() {}, renew() {} };

/** Holds what each module wants and offers, and what it begins with, to the glue's and to the limits. */
function refuseOtherBorders(modules: Uint8Array[], limits: Limits, componentBytes: number): void {
  let memory = 0;
  let elements = 0;
  for (const [at, module] of modules.entries()) {
    const found = borderOf(module);
    const expected = MODULES[at] as (typeof MODULES)[number];
    const foreign = found.imports.find((name) => !expected.imports.includes(name));
    if (foreign !== undefined) throw invalidKernel(`its code wants ${foreign}, which no kernel is given`);
    if (found.imports.length !== expected.imports.length) {
      throw invalidKernel('its code wants less or more often than its component gives');
    }
    const missing = expected.exports.find((name) => !found.exports.includes(name));
    if (missing !== undefined) throw invalidKernel(`its code does not offer ${missing}`);
    memory += found.memoryBytes;
    elements += found.tableElements;
  }
  const allowed = memoryAllowed(limits, componentBytes);
  if (memory > allowed) throw tooLarge(memory, allowed);
  if (elements > limits.tableElements) {
    const message = `the kernel asked for ${elements} table elements, and may have ${limits.tableElements}`;
    throw new Failure('kernel-memory-limit', message);
  }
}

function borderOf(module: Uint8Array): Border {
  try {
    return border(module);
  } catch (error) {
    if (error instanceof Malformed) throw invalidKernel(`its code cannot be read: ${error.message}`);
    throw error;
  }
}

/** The same once more by the engine's own reading, so that a mistake in ours opens nothing. */
function refuseOtherImports(module: WebAssembly.Module, at: number): void {
  const expected = MODULES[at] as (typeof MODULES)[number];
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    if (!expected.imports.some((known) => known.startsWith(`${from} ${name} `))) {
      throw invalidKernel(`its code wants ${from} ${name}, which no kernel is given`);
    }
  }
}

/** The record that the glue throws for a kernel's own fault; undefined for anything else. */
function asFault(error: unknown): Contract.Fault | undefined {
  const isFault =
    typeof error === 'object' && error !== null && !(error instanceof Error) && 'number' in error;
  return isFault ? (error as Contract.Fault) : undefined;
}

function trapOrBreach(error: unknown): Failure {
  const overflow = error instanceof RangeError && /call stack/i.test(error.message);
  if (overflow || error instanceof WebAssembly.RuntimeError) return trapped(error);
  const message = `the kernel returned more than it may, or not what the contract says: ${text(error)}`;
  return new Failure('kernel-output-invalid', message, { cause: error });
}

function trapped(error: Error): Failure {
  return new Failure('kernel-trapped', `the kernel trapped: ${error.message}`, { cause: error });
}

function tooLarge(used: number, allowed: number): Failure {
  const mebibytes = (bytes: number) => Math.ceil(bytes / 2 ** 20);
  const message = `the kernel took ${mebibytes(used)} MiB of memory, and may have ${mebibytes(allowed)}`;
  return new Failure('kernel-memory-limit', message);
}

/** A stranger's words: printable, and not many. */
function printable(message: string): string {
  return [...message.slice(0, MAX_MESSAGE)].filter((character) => !/\p{Cc}/u.test(character)).join('');
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
