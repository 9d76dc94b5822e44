/** What an engine of JavaScript makes of the corpus (`host/examples/engines.rs`): its answers, to be compared. */
import { joined } from '../../src/bytes.js';
import { Failure } from '../../src/failure.js';
import { judge } from '../../src/judge.js';
import { Kernel, type Session } from '../../src/kernel.js';
import type { Source } from '../../src/sources.js';

interface Step {
  restore: boolean;
  chunk: number;
  logs: { at: number; bytes: number; limit: number | null }[];
}

/** `corpus.json`. */
export interface Corpus {
  cases: { steps: Step[] }[];
}

/** Runs every case; the bytes of `ENGINE.answers`. */
export async function run(corpus: Corpus, logs: Uint8Array, component: Uint8Array): Promise<Uint8Array> {
  const kernel = await Kernel.compile(component);
  const answers: Uint8Array[] = [];
  for (const { steps } of corpus.cases) {
    let session = await kernel.session();
    for (const step of steps) {
      if (step.restore) session = await restored(kernel, session);
      const answer = await judged(session, step, logs);
      answers.push(numbers([4, answer.length + 84]), answer, session.state());
    }
    session.dispose();
  }
  return joined(answers);
}

async function restored(kernel: Kernel, session: Session): Promise<Session> {
  const pieces = [...session.snapshot()];
  session.dispose();
  return (await kernel.restore(pieces))[0];
}

async function judged(session: Session, { logs, chunk }: Step, corpus: Uint8Array): Promise<Uint8Array> {
  const inputs = logs.map(({ at, bytes, limit }) => ({
    source: inChunks(corpus.subarray(at, at + bytes), chunk),
    limit: limit === null ? undefined : BigInt(limit),
  }));
  try {
    const { merged, body } = await judge(session, inputs);
    return joined([Uint8Array.of('V'.charCodeAt(0), Number(merged)), body]);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const { number, log = 2 ** 32 - 1, offset = 2n ** 64n - 1n } = error;
    return joined([Uint8Array.of('F'.charCodeAt(0)), numbers([4, number], [4, log], [8, offset])]);
  }
}

function inChunks(bytes: Uint8Array, chunk: number): Source {
  const pieces = async function* () {
    for (let at = 0; at < bytes.length; at += chunk) yield bytes.subarray(at, at + chunk);
  };
  return { name: 'a log', size: bytes.length, pieces, readAt: undefined, close: async () => {} };
}

/** Little-endian numbers of 4 or 8 bytes. */
function numbers(...sized: [4 | 8, number | bigint][]): Uint8Array {
  return joined(
    sized.map(([size, number]) => {
      const bytes = new DataView(new ArrayBuffer(size));
      if (size === 4) bytes.setUint32(0, Number(number), true);
      else bytes.setBigUint64(0, BigInt(number), true);
      return new Uint8Array(bytes.buffer);
    }),
  );
}
