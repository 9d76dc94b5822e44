/**
 * One task for a worker: the question, what is heard meanwhile, the answer, and all that can end it early.
 * Both ends stand here; what tasks there are is theirs to know who ask and answer.
 */
import type { Port, WorkerPort } from '#platform';
import { asFailure, Failure, type FailureData } from './failure.js';
import { Deadline, type Limits, type Watch } from './meter.js';

/** What comes back: how a kernel's time passes, how far the work is, and its end. */
type Reply =
  | { enter: number }
  | { leave: true }
  | { renew: true }
  | { progress: number }
  | { done: unknown }
  | { failure: FailureData };

/** How a task is done. */
export interface Asking {
  /** What a kernel may use. */
  limits: Limits;
  transfer?: Transferable[];
  /** Ends the work; it then fails with `interrupted`. */
  signal?: AbortSignal | undefined;
  /** Hears how many bytes have been read. */
  onProgress?: ((bytes: number) => void) | undefined;
  /** The worker was ended, or died, perhaps long after its answer: it takes no further task. */
  gone(): void;
}

/** A task that was sent. */
export interface Asked<Result> {
  answer: Promise<Result>;
  /** Ends the worker; the task, unless it is done, fails with `interrupted`. */
  interrupt(): void;
}

/** Asks a worker that has no other task. */
export function ask<Result>(worker: WorkerPort, task: unknown, asking: Asking): Asked<Result> {
  const { limits, transfer, signal, onProgress, gone } = asking;
  const { promise, resolve, reject } = deferred<Result>();
  let open = true;
  const settle = (how: () => void) => {
    if (!open) return;
    open = false;
    deadline.stop();
    signal?.removeEventListener('abort', interrupt);
    how();
  };
  const giveUp = (failure: Failure) => {
    worker.end();
    gone();
    settle(() => reject(failure));
  };
  const interrupt = () => giveUp(interrupted(signal));
  const late = () => giveUp(new Failure('kernel-deadline', 'the kernel ran past its deadline'));
  const deadline = new Deadline(limits, late);
  worker.onDeath((why) => giveUp(died(why)));
  worker.onMessage((message) => {
    const reply = message as Reply;
    if ('enter' in reply) deadline.enter(reply.enter);
    else if ('leave' in reply) deadline.leave();
    else if ('renew' in reply) deadline.renew();
    else if ('progress' in reply) onProgress?.(reply.progress);
    else if ('failure' in reply) settle(() => reject(Failure.fromData(reply.failure)));
    else settle(() => resolve(reply.done as Result));
  });
  signal?.addEventListener('abort', interrupt);
  try {
    worker.send(task, transfer);
  } catch (error) {
    const message = `an input cannot be handed to the worker: ${String(error)}`;
    giveUp(new Failure('usage', message, { cause: error }));
  }
  return { answer: promise, interrupt };
}

/** What a worker tells of its work while it does it. */
export interface Telling {
  watch: Watch;
  progress(bytes: number): void;
}

/** Answers the tasks that come over a line, each with what `answer` makes of it. */
export function serve<Task>(port: Port, answer: (task: Task, telling: Telling) => Promise<unknown>): void {
  const reply = (message: Reply) => port.send(message);
  const telling: Telling = {
    watch: {
      enter: (bytes) => reply({ enter: bytes }),
      leave: () => reply({ leave: true }),
      renew: () => reply({ renew: true }),
    },
    progress: (bytes) => reply({ progress: bytes }),
  };
  port.onMessage(async (message) => {
    try {
      reply({ done: await answer(message as Task, telling) });
    } catch (error) {
      reply({ failure: asFailure(error).toData() });
    }
  });
}

/** What work fails with that a signal, or its caller, has ended. */
export function interrupted(signal: AbortSignal | undefined): Failure {
  return new Failure('interrupted', 'the work was interrupted before it was done', { cause: signal?.reason });
}

function died(why: string): Failure {
  if (/OUT_OF_MEMORY/.test(why)) {
    return new Failure('kernel-memory-limit', `the kernel made its thread run out of memory: ${why}`);
  }
  return new Failure('internal', `the worker ended: ${why}`);
}

/** A promise with what settles it. */
function deferred<Result>() {
  let resolve!: (result: Result) => void;
  let reject!: (failure: Failure) => void;
  const promise = new Promise<Result>((ok, bad) => {
    resolve = ok;
    reject = bad;
  });
  return { promise, resolve, reject };
}
