/**
 * Is the evidence right, and how far could that be checked? What `omega verify` says, said by the same code:
 * nothing is decided here, only handed to a worker and back.
 */
import { bundledKernel, loaderBytes } from '#assets';
import { asFailure, type Code, Failure } from './failure.js';
import type { Answer } from './generated/loader/loader.js';
import { Isolate, type IsolateOptions, type RunOptions } from './isolate.js';
import type { Input } from './sources.js';

/** Something to be read, under the name that messages call it by. */
export type Given = Input | { input: Input; name?: string | undefined };

/** Whom to trust. Without any of it signatures are checked, and nothing says whose they are. */
export type Trust =
  /** A trust policy (TOML): a file of it, or its text. */
  | { policy: Given }
  | { policyText: string }
  /** Public keys: text (hex, PEM or an OpenSSH line) or a file; `{ input: path }` for a path. */
  | { keys: (string | Exclude<Given, string>)[] }
  /** Whoever signed is accepted: then a signature proves no identity. */
  | { anySigner: true };

/** What to verify, and against what. A string is a path, in Node alone. */
export interface Evidence {
  /** A certificate or a log of certificates: its first bytes tell which, unless `kind` does. */
  certificates: Given;
  kind?: 'certificate' | 'certificate-log' | undefined;
  /**
   * The log's `cert.hash`: without it an append that did not finish cannot be told from damage everywhere. In
   * Node it is found beside a log that is given as a path.
   */
  certificateHash?: Given | undefined;
  /** Logs that were judged. A stream is read up to one event more than were judged then; of anything else those events. */
  logs?: Given[] | undefined;
  /** Kernels to judge with, each known by the hash of its bytes. Without any, the one of this package. */
  kernel?: Given | Given[] | undefined;
  trust?: Trust | undefined;
  /** A proof about one of the certificates. */
  proof?: Given | undefined;
  /** State that the first of the batches starts from. No stream. */
  snapshot?: Given | undefined;
  /** The newest certificate that is known: its chain hash in 64 hex digits, or itself. */
  head?: string | Exclude<Given, string> | undefined;
}

/** How it is done. */
export interface VerifyOptions extends IsolateOptions, RunOptions {
  /**
   * `loader.wasm` of this package: for pages that hold it themselves, and for bundlers that do not serve what
   * stands beside a module. Without it, it is read from there.
   */
  loader?: WebAssembly.Module | BufferSource | undefined;
}

/** One check. */
export interface Check {
  /** Stable name of what was checked. */
  check: string;
  status: 'passed' | 'failed' | 'could-not-check' | 'unchecked';
  code: Code | null;
  number: number | null;
  /** Height of the certificate that it is about, in a log of them. */
  height: string | null;
  /** One sentence for people. */
  detail: string;
}

/** The JSON object that `omega verify` prints; the fields after `hint` are there once checks were made. */
export interface Report {
  command: 'verify';
  outcome: 'verified' | 'verification-failed' | 'could-not-check' | 'usage' | 'internal';
  exit: 0 | 20 | 30 | 2 | 1;
  code: Code | null;
  number: number | null;
  message: string | null;
  hint: string | null;
  verdict?: 'merge' | 'obstruction' | null;
  checks?: Check[];
  /** What was not shown, in words. */
  not_shown?: string[];
  certificates?: Record<string, unknown>[];
  /** What the proof has shown. */
  proof?: Record<string, unknown> | null;
  [field: string]: unknown;
}

/** What came out. */
export interface Verification {
  /** `verified`: right. `verification-failed`: wrong. The others: no answer, and `code` says why. */
  outcome: Report['outcome'];
  /** The exit code of `omega verify`. */
  exit: Report['exit'];
  /** Stable name of what is wrong or missing; null where all is well. */
  code: Code | null;
  /** Every check: none where none could be made. */
  checks: Check[];
  /** How far it could be checked: what was not shown. */
  notShown: string[];
  /** The JSON object of `omega verify`. */
  report: Report;
  /** Its lines for people. */
  text: string;
}

/**
 * Verifies, in a worker of its own. Whatever is wrong with what is given, or keeps it from being checked, is
 * an answer; so is a kernel that does not return, and a file that is not there.
 *
 * `onProgress` hears how many bytes of logs a kernel was given: with one certificate, of the logs' sizes
 * together. Along a log of certificates each batch that is judged adds the sizes of its logs.
 *
 * @throws {Failure} `interrupted`, when `signal` is aborted; `file-unreadable` or `internal`, when the loader
 * cannot be had.
 */
export async function verify({
  signal,
  onProgress,
  loader,
  limits,
  workerUrl,
  ...evidence
}: Evidence & VerifyOptions): Promise<Verification> {
  const isolate = new Isolate({ ...(limits && { limits }), ...(workerUrl && { workerUrl }) });
  try {
    const module = await compiled(loader);
    try {
      const kernel = evidence.kernel ?? (await bundledKernel());
      return answered(await isolate.verify({ ...evidence, kernel }, module, { signal, onProgress }));
    } catch (error) {
      const failure = asFailure(error);
      if (failure.code === 'interrupted') throw failure;
      return answered(await isolate.failed(failure, module));
    }
  } finally {
    isolate.close();
  }
}

/** What `omega verify` answers to a command line that is wrong. */
export async function refuse(failure: Failure): Promise<Verification> {
  const isolate = new Isolate();
  try {
    return answered(await isolate.failed(failure, await compiled()));
  } finally {
    isolate.close();
  }
}

let beside: Promise<WebAssembly.Module> | undefined;

/** The loader, compiled once. */
async function compiled(loader?: WebAssembly.Module | BufferSource): Promise<WebAssembly.Module> {
  if (loader instanceof WebAssembly.Module) return loader;
  if (loader) return WebAssembly.compile(loader);
  beside ??= loaderBytes().then((bytes) => WebAssembly.compile(bytes));
  try {
    return await beside;
  } catch (error) {
    beside = undefined;
    if (error instanceof Failure) throw error;
    throw new Failure('internal', `the loader of this package cannot be had: ${String(error)}`, {
      cause: error,
    });
  }
}

function answered(answer: Answer): Verification {
  const report = answer.report as Report;
  const { outcome, exit, code, checks = [], not_shown: notShown = [] } = report;
  return { outcome, exit, code, checks, notShown, report, text: answer.text };
}
