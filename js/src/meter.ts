/**
 * What a kernel may use, by the rules of the `omega` command (`host/src/engine/limits.rs`): time and memory
 * are granted by the bytes that it is given to work on, so a large honest log passes and a small hostile one
 * ends soon. None of it reaches a certified byte.
 */

/** What a kernel may use. */
export interface Limits {
  /** Bytes of linear memory before it was given any input. */
  memoryBytes: number;
  /** Further bytes for each byte of input. */
  memoryPerInputByte: number;
  /** Bytes of linear memory whatever the input: wasm32 ends there itself. */
  memoryBytesMax: number;
  /** Elements of all tables together, as they begin. */
  tableElements: number;
  /** Milliseconds for a batch, before it was given any input. */
  baseMilliseconds: number;
  /** Bytes of input that give a further second. Honest kernels do a hundred times as many. */
  bytesPerSecond: number;
}

/** As the `omega` command has them. */
export const LIMITS: Readonly<Limits> = {
  memoryBytes: 512 * 2 ** 20,
  memoryPerInputByte: 4,
  memoryBytesMax: 2 ** 32,
  tableElements: 65_536,
  baseMilliseconds: 10_000,
  bytesPerSecond: 2 * 2 ** 20,
};

/** Linear memory that is allowed after so many bytes of input. */
export function memoryAllowed(limits: Limits, inputBytes: number): number {
  return Math.min(limits.memoryBytes + inputBytes * limits.memoryPerInputByte, limits.memoryBytesMax);
}

/** Is told when a kernel begins to run and when it ends. Calls may not be nested. */
export interface Watch {
  /** A call begins, with so many bytes of input or room for as many of output. */
  enter(bytes: number): void;
  /** It ended. */
  leave(): void;
  /** A new batch begins: its base time is there again. */
  renew(): void;
}

/**
 * The time account of one kernel, kept outside the thread that it runs in. `expired` is called once, when a
 * call is still running and its time is up: the thread must then be ended, for nothing else can end the call.
 */
export class Deadline implements Watch {
  #left: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #entered = 0;
  readonly #limits: Limits;
  readonly #expired: () => void;

  constructor(limits: Limits, expired: () => void) {
    this.#limits = limits;
    this.#expired = expired;
    this.#left = limits.baseMilliseconds;
  }

  renew(): void {
    this.#left = Math.max(this.#left, this.#limits.baseMilliseconds);
  }

  enter(bytes: number): void {
    this.#left += (bytes * 1000) / this.#limits.bytesPerSecond;
    this.#entered = performance.now();
    // Timers count in 32 bits; a call that takes weeks has other troubles.
    this.#timer = setTimeout(this.#expired, Math.min(this.#left, 2 ** 31 - 1));
  }

  leave(): void {
    this.stop();
    this.#left = Math.max(0, this.#left - (performance.now() - this.#entered));
  }

  /** No call is running any more. */
  stop(): void {
    clearTimeout(this.#timer);
  }
}
