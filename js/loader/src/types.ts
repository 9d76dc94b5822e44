/** Why something could not be done. What is thrown and looks otherwise is taken for a defect. */
export interface FailureLike {
  /** Stable name, as in schemas/faults.md; `interrupted` ends the whole work. */
  code: string;
  message: string;
  hint?: string | undefined;
  file?: string | undefined;
  /** The log that a kernel's fault is about: its index in the batch. */
  log?: number | undefined;
  offset?: bigint | number | undefined;
}

/** A log or a snapshot. */
export interface Source {
  readonly name: string;
  /** At most so many bytes from an offset on, fewer only at the end; undefined for streams. */
  readonly readAt?: ((offset: number, length: number) => Promise<Uint8Array>) | undefined;
  /** All bytes in order. Of a stream it is asked for once, and read to the end at most once. */
  pieces(): AsyncIterable<Uint8Array> & AsyncIterator<Uint8Array>;
}

/** A file that is small enough to be held. */
export interface SmallFile {
  name: string;
  bytes: Uint8Array;
}

/** In the place of something that could not be read: why. */
export interface Unreadable {
  failure: FailureLike;
}

/** What to verify, and against what. Exactly one of `certificate` and `certificateLog` is given. */
export interface Request {
  certificate?: SmallFile | Unreadable | undefined;
  /** A log of certificates, and its `cert.hash` where that is at hand. */
  certificateLog?: (SmallFile & { hash?: Uint8Array | undefined }) | Unreadable | undefined;
  /** Logs that were judged. */
  inputs?: (Source | Unreadable)[] | undefined;
  /** State that the first of the batches starts from. No stream. */
  snapshot?: Source | Unreadable | undefined;
  /** Kernel files that could not be read: then nothing is verified. */
  kernels?: Unreadable[] | undefined;
  /** A trust policy; it comes before `trust`, and that before `anySigner`. */
  policy?: SmallFile | Unreadable | undefined;
  /** Public keys to trust: hex, PEM or an OpenSSH line, as text or in files. */
  trust?: (string | SmallFile | Unreadable)[] | undefined;
  /** Accept whoever signed: then a signature proves no identity. */
  anySigner?: boolean | undefined;
  /** The newest certificate that is known: its chain hash, or itself. */
  head?: string | SmallFile | Unreadable | undefined;
  /** A proof about one of the certificates. */
  proof?: SmallFile | Unreadable | undefined;
}

/** What a kernel says of itself, as far as it is asked. */
export interface KernelDescription {
  checkerVersion: number;
  schemaVersion: number;
  stateFormat: number;
  schemas: Uint8Array[];
  predicates: Uint8Array;
}

/** A kernel that is ready to run. Functions may return promises; what they throw is a `FailureLike`. */
export interface RunnableKernel {
  describe(): KernelDescription | Promise<KernelDescription>;
  rejudge(certificate: Uint8Array): void | Promise<void>;
  session(): KernelSession | Promise<KernelSession>;
  /** A session with a snapshot's state, and the chain position that the snapshot names. */
  restore(
    snapshot: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  ): [KernelSession, unknown] | Promise<[KernelSession, unknown]>;
}

/** A state that lives across batches. Functions may return promises. */
export interface KernelSession {
  beginBatch(limits: (bigint | undefined)[]): void | Promise<void>;
  /** How many of the log's events were read so far. The bytes are valid until this returns. */
  feed(log: number, bytes: Uint8Array): bigint | Promise<bigint>;
  finish(): BatchVerdict | Promise<BatchVerdict>;
  abort(): void | Promise<void>;
  /** The packed commitment: 84 bytes. */
  state(): Uint8Array | Promise<Uint8Array>;
  snapshot(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
  /** Called once, when the session is not needed any more. */
  dispose(): void;
}

/** A batch's outcome. */
export interface BatchVerdict {
  body: Uint8Array;
  /** In the caller's order. */
  logs: { events: bigint; bytesUsed: bigint }[];
}

/** The place that verifying happens in. */
export interface Platform {
  /** BLAKE3 of the kernels at hand, 64 hex digits each, taken of the very bytes that would run. */
  kernels: string[];
  /** Compiles one of them. Asked at most once for each. */
  kernel(hash: string): RunnableKernel | Promise<RunnableKernel>;
  /** Hears how many bytes of logs kernels were given so far: of each batch that is judged, all its logs'. */
  progress?(bytes: number): void;
}

/** What comes out, as the `omega` command prints it. */
export interface Answer {
  /** The object for programs. */
  report: {
    command: string;
    outcome: string;
    exit: number;
    code: string | null;
    number: number | null;
    message: string | null;
    hint: string | null;
    [field: string]: unknown;
  };
  /** The lines for people. */
  text: string;
  /** 0: right; 20: the evidence is wrong; 30: could not check; 2: wrong use; 1: a defect. */
  exit: number;
}
