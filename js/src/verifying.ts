/**
 * Verifying, in the worker: opens what was sent and hands it to the loader, which decides and says everything.
 * A kernel's bytes are hashed when they are read, and compiled only where a certificate names their hash.
 */
import { Failure, type FailureData } from './failure.js';
import {
  type Answer,
  failed as failedAnswer,
  Hasher,
  initSync,
  kind,
  type SmallFile,
  type Unreadable,
  verify,
} from './generated/loader/loader.js';
import { Kernel } from './kernel.js';
import type { Limits, Watch } from './meter.js';
import type { Requests } from './protocol.js';
import { reach, receive, type Sent, sidecar } from './remote.js';
import { empty, readSmall, type Source } from './sources.js';

/** Bytes that are read of anything small; each kind of file has a smaller limit of its own. */
const MAX_SMALL_BYTES = 64 << 20;
/** Bytes that are held of a log of certificates. */
const MAX_CERTIFICATE_LOG_BYTES = 1 << 30;
/** Bytes that are hashed in one go: the loader copies them. */
const HASHED_BYTES = 4 << 20;

/** How the work is watched and limited. */
export interface Watched {
  limits: Limits;
  watch: Watch;
  progress: (bytes: number) => void;
}

/** Verifies. What is wrong with what was sent is in the answer. */
export async function verified(
  sent: Requests['verify'],
  { limits, watch, progress }: Watched,
): Promise<Answer> {
  initSync({ module: sent.loader });
  const kernels = await Promise.all(sent.kernels.map(kernelFile));
  const readable = kernels.filter((file) => 'hash' in file);
  const request = {
    ...(await evidence(sent)),
    inputs: await each(sent.logs, readableSource),
    snapshot: sent.snapshot && (await readableSource(sent.snapshot)),
    kernels: kernels.filter((file) => 'failure' in file),
    policy: sent.policy && (await small(sent.policy, 'a trust policy')),
    trust: await each(sent.trust, async (key) => (typeof key === 'string' ? key : await small(key, 'a key'))),
    anySigner: sent.anySigner,
    head: typeof sent.head === 'object' ? await small(sent.head, 'a certificate') : sent.head,
    proof: sent.proof && (await small(sent.proof, 'a proof')),
  };
  return verify(request, {
    kernels: readable.map(({ hash }) => hash),
    kernel: async (wanted) => {
      const file = readable.find(({ hash }) => hash === wanted);
      if (!file) throw new Failure('internal', 'a kernel was asked for that is not at hand');
      return Kernel.compile(file.bytes, { limits, watch }).catch((error: unknown) => {
        throw error instanceof Failure ? named(error, file.name) : error;
      });
    },
    progress,
  });
}

/** What is said where nothing was verified. */
export function failed({ loader, failure }: Requests['failed']): Answer {
  initSync({ module: loader });
  return failedAnswer(failure);
}

async function kernelFile(sent: Sent): Promise<(SmallFile & { hash: string }) | Unreadable> {
  const file = await small(sent, 'a kernel');
  if ('failure' in file) return file;
  if (file.bytes.length === 0) return { failure: empty(file.name).toData() };
  if (kind(file.bytes) !== 'kernel') {
    const details = { hint: '`omega explain --input FILE` says what a file is.', file: file.name };
    const message = 'this is no checker: a checker is a WebAssembly component';
    return { failure: new Failure('kernel-invalid', message, details).toData() };
  }
  const hasher = new Hasher();
  for (let at = 0; at < file.bytes.length; at += HASHED_BYTES) {
    hasher.update(file.bytes.subarray(at, at + HASHED_BYTES));
  }
  const hash = hasher.digest();
  hasher.free();
  return { ...file, hash };
}

/** The evidence, as the certificate or the log of certificates that it is. */
async function evidence({ certificates, kind: stated, certificateHash }: Requests['verify']) {
  const isLog = (start: Uint8Array) => (stated ?? kind(start)) === 'certificate-log';
  const cap = (start: Uint8Array) => (isLog(start) ? MAX_CERTIFICATE_LOG_BYTES : MAX_SMALL_BYTES);
  const file = await small(certificates, 'a certificate', cap);
  if ('failure' in file || !isLog(file.bytes)) return { certificate: file };
  const beside = certificateHash ?? sidecar(certificates);
  // What cannot be read states nothing, as what is damaged.
  const hash = beside && (await small(beside, 'a certificate hash'));
  return { certificateLog: { ...file, hash: hash && 'bytes' in hash ? hash.bytes : undefined } };
}

/** Something small, or why it cannot be read. */
function small(
  sent: Sent,
  what: string,
  cap: number | ((start: Uint8Array) => number) = MAX_SMALL_BYTES,
): Promise<SmallFile | Unreadable> {
  return orWhyNot(async () => {
    const source = receive(sent);
    return { name: source.name, bytes: await readSmall(source, cap, what) };
  });
}

/** A log or a snapshot, seen to be there; or why it cannot be read. */
function readableSource(sent: Sent): Promise<Source | Unreadable> {
  return orWhyNot(() => reach(sent));
}

async function orWhyNot<T>(work: () => Promise<T>): Promise<T | Unreadable> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Failure) return { failure: error.toData() };
    throw error;
  }
}

/** One after the other, so that thousands of files are not open at once. */
async function each<T, U>(items: T[], work: (item: T) => U | Promise<U>): Promise<U[]> {
  const done: U[] = [];
  for (const item of items) done.push(await work(item));
  return done;
}

function named(failure: Failure, file: string): Failure {
  const data: FailureData = { ...failure.toData(), file };
  return Failure.fromData(data);
}
