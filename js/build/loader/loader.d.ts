/* tslint:disable */
/* eslint-disable */
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

/** What to verify, and against what. Exactly one of `certificate` and `certificateLog` is given. */
export interface Request {
    certificate?: SmallFile | undefined;
    /** A log of certificates, and its `cert.hash` where that is at hand. */
    certificateLog?: (SmallFile & { hash?: Uint8Array | undefined }) | undefined;
    /** Logs that were judged; in the place of one that could not be opened, why. */
    inputs?: (Source | { failure: FailureLike })[] | undefined;
    /** State that the first of the batches starts from. No stream. */
    snapshot?: Source | undefined;
    /** A trust policy; it comes before `trust`, and that before `anySigner`. */
    policy?: SmallFile | undefined;
    /** Public keys to trust: hex, PEM or an OpenSSH line, as text or in files. */
    trust?: (string | SmallFile)[] | undefined;
    /** Accept whoever signed: then a signature proves no identity. */
    anySigner?: boolean | undefined;
    /** The newest certificate that is known: its chain hash, or itself. */
    head?: string | SmallFile | undefined;
    /** A proof about one of the certificates. */
    proof?: SmallFile | undefined;
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
    /** The bytes are valid until this returns. */
    feed(log: number, bytes: Uint8Array): void | Promise<void>;
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
    logs: { events: bigint }[];
}

/** The place that verifying happens in. */
export interface Platform {
    /** BLAKE3 of the kernels at hand, 64 hex digits each, taken of the very bytes that would run. */
    kernels: string[];
    /** Compiles one of them. Asked at most once for each. */
    kernel(hash: string): RunnableKernel | Promise<RunnableKernel>;
    /** Hears how many bytes of logs were read so far, to count their events and to judge them. */
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



/**
 * BLAKE3 of bytes that come one piece after the other.
 */
export class Hasher {
    free(): void;
    [Symbol.dispose](): void;
    /**
     * The hash of all bytes so far, in 64 hex digits.
     */
    digest(): string;
    /**
     * Of no bytes yet.
     */
    constructor();
    /**
     * The next bytes.
     */
    update(bytes: Uint8Array | number[]): void;
}

/**
 * What each certificate states of itself, of one alone or of a log of them: an answer whose report has
 * the field `certificates`. Nothing is verified.
 */
export function certificates(name: string, bytes: Uint8Array | number[]): Answer;

/**
 * What stands in a proof, a public key or a trust policy: what `omega explain` says of it.
 */
export function explain(name: string, bytes: Uint8Array | number[]): Answer;

/**
 * BLAKE3 of some bytes, in 64 hex digits: what a certificate names its kernel by.
 */
export function hash(bytes: Uint8Array | number[]): string;

/**
 * The kind of file that starts with these bytes, as `explain` names it; undefined for text and for what
 * is unknown.
 */
export function kind(start: Uint8Array | number[]): string | undefined;

/**
 * What stands in a log's header, from the log's first bytes: an answer whose report has the fields
 * `name` and `schema_hash`.
 */
export function logHeader(name: string, start: Uint8Array | number[]): Answer;

/**
 * Verifies a certificate or a log of certificates. The promise breaks only where a function of the
 * platform failed with `interrupted`, with that failure, and at a defect of this program.
 */
export function verify(request: Request, platform: Platform): Promise<Answer>;

export type InitInput = RequestInfo | URL | Response | BufferSource | WebAssembly.Module;

export interface InitOutput {
    readonly memory: WebAssembly.Memory;
    readonly __wbg_hasher_free: (a: number, b: number) => void;
    readonly certificates: (a: number, b: number, c: number, d: number) => [number, number, number];
    readonly explain: (a: number, b: number, c: number, d: number) => [number, number, number];
    readonly hash: (a: number, b: number) => [number, number];
    readonly hasher_digest: (a: number) => [number, number];
    readonly hasher_new: () => number;
    readonly hasher_update: (a: number, b: number, c: number) => void;
    readonly kind: (a: number, b: number) => [number, number];
    readonly logHeader: (a: number, b: number, c: number, d: number) => [number, number, number];
    readonly verify: (a: any, b: any) => any;
    readonly wasm_bindgen__convert__closures_____invoke__h529bc53f0e5f0ffe: (a: number, b: number, c: any) => [number, number];
    readonly wasm_bindgen__convert__closures_____invoke__h64c3713d85d81422: (a: number, b: number, c: any, d: any) => void;
    readonly wasm_bindgen__convert__closures_____invoke__h0cdef663ed4d132f: (a: number, b: number) => void;
    readonly __wbindgen_malloc: (a: number, b: number) => number;
    readonly __wbindgen_realloc: (a: number, b: number, c: number, d: number) => number;
    readonly __wbindgen_free: (a: number, b: number, c: number) => void;
    readonly __wbindgen_exn_store: (a: number) => void;
    readonly __externref_table_alloc: () => number;
    readonly __wbindgen_externrefs: WebAssembly.Table;
    readonly __wbindgen_destroy_closure: (a: number, b: number) => void;
    readonly __externref_table_dealloc: (a: number) => void;
    readonly __wbindgen_start: () => void;
}

export type SyncInitInput = BufferSource | WebAssembly.Module;

/**
 * Instantiates the given `module`, which can either be bytes or
 * a precompiled `WebAssembly.Module`.
 *
 * @param {{ module: SyncInitInput }} module - Passing `SyncInitInput` directly is deprecated.
 *
 * @returns {InitOutput}
 */
export function initSync(module: { module: SyncInitInput } | SyncInitInput): InitOutput;

/**
 * If `module_or_path` is {RequestInfo} or {URL}, makes a request and
 * for everything else, calls `WebAssembly.instantiate` directly.
 *
 * @param {{ module_or_path: InitInput | Promise<InitInput> }} module_or_path - Passing `InitInput` directly is deprecated.
 *
 * @returns {Promise<InitOutput>}
 */
export default function __wbg_init (module_or_path: { module_or_path: InitInput | Promise<InitInput> } | InitInput | Promise<InitInput>): Promise<InitOutput>;
