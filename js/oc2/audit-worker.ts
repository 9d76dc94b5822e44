/**
 * The worker that verifies for the command centre. It keeps one state, in a session of the kernel that the
 * certificates name: batches move it on, and a point is verified from it. What is right is decided by the
 * loader, as everywhere; a state that was judged wrongly has another root, and then the point does not verify.
 */
import { toBytes } from '../page/embedded.js';
import type { Answer } from '../page/protocol.js';
import { serve, type Telling } from '../src/exchange.js';
import { Failure } from '../src/failure.js';
import { hash, initSync } from '../src/generated/loader/loader.js';
import { judge } from '../src/judge.js';
import { Kernel, type Session } from '../src/kernel.js';
import { LIMITS } from '../src/meter.js';
import { parentPort } from '../src/platform.browser.js';
import type { Requests } from '../src/protocol.js';
import { open } from '../src/sources.js';
import { verified } from '../src/verifying.js';
import type { Named, Point, Task } from './audit-protocol.js';

let loader: WebAssembly.Module;
/** Kernels at hand, by the hash of their bytes; and those that were compiled. */
const kernels = new Map<string, Named>();
const compiled = new Map<string, Kernel>();
let state: { session: Session; kernel: string } | undefined;

serve<Task>(parentPort(), async (task, telling) => {
  switch (task.task) {
    case 'start':
      loader = await WebAssembly.compile(toBytes(task.loader));
      initSync({ module: loader });
      return undefined;
    case 'kernels':
      for (const kernel of task.kernels) kernels.set(hash(kernel.input), kernel);
      return undefined;
    case 'open':
      return opened(task.kernel, task.snapshot, telling);
    case 'judge':
      return judged(task.kernel, task.logs, telling);
    case 'verify':
      return point(task.point, telling);
    case 'prove':
      return verify({ certificates: task.certificate, kind: 'certificate', proof: task.proof }, telling);
  }
});

async function opened(name: string, snapshot: Named | undefined, telling: Telling): Promise<void> {
  drop();
  const kernel = await kernelOf(name, telling);
  const pieces = snapshot && (await open(snapshot.input, snapshot.name)).pieces();
  const session = pieces ? (await kernel.restore(pieces))[0] : await kernel.session();
  state = { session, kernel: name };
}

async function judged(name: string, logs: Named[], telling: Telling): Promise<boolean> {
  if (!state) throw new Failure('internal', 'no state is open');
  if (state.kernel !== name) {
    // The checker changed here: the state goes on in the new one.
    const [session] = await (await kernelOf(name, telling)).restore(state.session.snapshot());
    drop();
    state = { session, kernel: name };
  }
  const sources = await Promise.all(logs.map(({ input, name }) => open(input, name)));
  const verdict = await judge(
    state.session,
    sources.map((source) => ({ source })),
    telling.progress,
  );
  return verdict.merged;
}

async function point(point: Point, telling: Telling): Promise<Answer> {
  const { certificates, head, logs, trust } = point;
  const given = { certificates, kind: 'certificate-log' as const, head, logs, trust };
  if (!point.state || !state) return verify(given, telling);
  const { chainId, height } = point.state;
  const position = { chainId: fromHex(chainId), height: BigInt(height) };
  const pieces = [...state.session.snapshot(position)] as BlobPart[];
  return verify(
    { ...given, snapshot: { name: `the state at height ${height}`, input: new Blob(pieces) } },
    telling,
  );
}

async function verify(
  given: Pick<Requests['verify'], 'certificates' | 'kind'> & Partial<Requests['verify']>,
  { watch, progress }: Telling,
): Promise<Answer> {
  const request: Requests['verify'] = {
    certificateHash: undefined,
    logs: [],
    policy: undefined,
    trust: [],
    proof: undefined,
    snapshot: undefined,
    head: undefined,
    ...given,
    loader,
    kernels: [...kernels.values()],
    anySigner: !given.trust?.length,
  };
  return (await verified(request, { limits: LIMITS, watch, progress })) as unknown as Answer;
}

async function kernelOf(name: string, { watch }: Telling): Promise<Kernel> {
  const found = compiled.get(name);
  if (found) return found;
  const bytes = kernels.get(name);
  if (!bytes) throw new Failure('kernel-unknown', `the node has no kernel ${name.slice(0, 16)}…`);
  const kernel = await Kernel.compile(bytes.input, { limits: LIMITS, watch });
  compiled.set(name, kernel);
  return kernel;
}

function drop(): void {
  try {
    state?.session.dispose();
  } catch {
    // One that trapped is gone already.
  }
  state = undefined;
}

function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (digits) => Number.parseInt(digits, 16));
}
