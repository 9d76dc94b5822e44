/** Driving a kernel through one batch: logs in, verdict out. */
import { Failure } from './failure.js';
import type { Session, Verdict } from './kernel.js';
import type { Source } from './sources.js';

/** One log of a batch. */
export interface LogToJudge {
  source: Source;
  /** Judge only its first so many events. */
  limit?: bigint | undefined;
}

/**
 * Judges one batch: each log is fed in the caller's order. With several damaged logs the lowest one is
 * reported, and one found damaged while it was fed rather than at its end.
 *
 * @param progress hears how many bytes of all logs together have been fed.
 * @throws {Failure} the kernel's fault, the source's or the engine's; the session's state is as it was then.
 */
export async function judge(
  session: Session,
  logs: readonly LogToJudge[],
  progress: (bytes: number) => void = () => {},
): Promise<Verdict> {
  session.beginBatch(logs.map(({ limit }) => limit));
  try {
    const early = await feed(session, logs, progress);
    return finish(session, logs, early);
  } catch (error) {
    // Best effort: an instance that trapped cannot be entered any more.
    attempt(() => session.abort());
    throw error;
  }
}

/** Feeds every log, also behind a damaged one; the first fault. */
async function feed(
  session: Session,
  logs: readonly LogToJudge[],
  progress: (bytes: number) => void,
): Promise<Failure | undefined> {
  let early: Failure | undefined;
  let fed = 0;
  for (const [index, { source }] of logs.entries()) {
    for await (const piece of source.pieces()) {
      const failure = attempt(() => session.feed(index, piece));
      if (failure) {
        if (!isFault(failure)) throw failure;
        early ??= named(failure, source);
        break;
      }
      fed += piece.length;
      progress(fed);
    }
  }
  return early;
}

function finish(session: Session, logs: readonly LogToJudge[], early: Failure | undefined): Verdict {
  let verdict: Verdict;
  try {
    verdict = session.finish();
  } catch (error) {
    if (!(error instanceof Failure) || !isFault(error)) throw error;
    const late = error.log === undefined ? error : named(error, logs[error.log]?.source);
    throw early && !((late.log ?? 0) < (early.log ?? 0)) ? early : late;
  }
  if (early) {
    throw new Failure('kernel-output-invalid', 'the kernel broke the contract: a verdict after a fault');
  }
  return verdict;
}

/** Whether a failure is the kernel's own word about its input, after which it can go on. */
function isFault(failure: Failure): boolean {
  return failure.number % 1000 < 900;
}

function named(fault: Failure, source: Source | undefined): Failure {
  return Failure.fromData({ ...fault.toData(), file: source?.name });
}

function attempt(work: () => void): Failure | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
}
