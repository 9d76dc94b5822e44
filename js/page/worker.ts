/** The page's worker: looks at files and verifies, with the loader and with kernels run by the driver. */
import loaderModule, { certificates, explain, Hasher, hash, kind, verify } from '../build/loader/loader.js';
import { MAX_COMPONENT_BYTES } from '../src/component.js';
import { asFailure, Failure } from '../src/failure.js';
import { Kernel } from '../src/kernel.js';
import { LIMITS } from '../src/meter.js';
import { parentPort } from '../src/platform.browser.js';
import { open, readSmall } from '../src/sources.js';
import { toBytes } from './embedded.js';
import type { Answer, Asked, Given, Looked, Parts, Reply, Role, Task, Verified } from './protocol.js';

/** Bytes of a text that is looked at as a key or a policy. */
const MAX_TEXT_BYTES = 1 << 20;
/** Bytes of a log of certificates: it is held whole. */
const MAX_CERTIFICATE_LOG_BYTES = 512 << 20;
/** Bytes of a certificate or a proof. */
const MAX_CERTIFICATE_BYTES = 32 << 20;
/** First bytes that tell a kind. */
const START_BYTES = 4096;
/** Milliseconds between two words about progress. */
const PROGRESS_MILLISECONDS = 60;

const port = parentPort();
const reply = (message: Reply) => port.send(message);
const watch = {
  enter: (bytes: number) => reply({ enter: bytes }),
  leave: () => reply({ leave: true }),
  renew: () => reply({ renew: true }),
};
let builtIn: Uint8Array;

port.onMessage(async (message) => {
  try {
    reply({ done: await answer(message as Task) });
  } catch (error) {
    reply({ failure: asFailure(error).toData() });
  }
});

function answer(task: Task): Promise<unknown> {
  switch (task.task) {
    case 'start':
      return start(task.parts);
    case 'look':
      return look(task.file);
    case 'verify':
      return verified(task.asked);
  }
}

/** Makes the loader ready; the hash and size of the kernel that is built in. */
async function start(parts: Parts): Promise<{ hash: string; size: number }> {
  await loaderModule({ module_or_path: toBytes(parts.loader) });
  builtIn = toBytes(parts.kernel);
  return { hash: hash(builtIn), size: builtIn.length };
}

async function look(file: Given): Promise<Looked> {
  const first = new Uint8Array(await file.blob.slice(0, START_BYTES).arrayBuffer());
  const digest = await hashOf(file);
  const told = kind(first);
  if (told !== undefined) return { ...use(told), hash: digest };
  if (file.blob.size > MAX_TEXT_BYTES) return { role: 'unknown', note: UNKNOWN, hash: digest };
  const { report } = explain(file.name, await small(file, MAX_TEXT_BYTES, 'a key or a policy'));
  if (report.exit === 0) return { role: report.kind as Role, note: undefined, hash: digest };
  const policy = report.code === 'trust-policy-invalid';
  const said = report.message ?? UNKNOWN;
  return { role: policy ? 'trust-policy' : 'unknown', note: policy ? said : UNKNOWN, hash: digest };
}

const UNKNOWN = 'Not recognised: this is none of the kinds of file that can be used here.';

/** What a kind of file is used for here. */
function use(told: string): { role: Role; note: string | undefined } {
  switch (told) {
    case 'log':
    case 'certificate':
    case 'certificate-log':
    case 'certificate-hash':
    case 'kernel':
    case 'proof':
    case 'snapshot':
      return { role: told, note: undefined };
    case 'certificate-index':
      return { role: 'unknown', note: 'An index of a certificate log: it is not needed.' };
    case 'wasm-module':
      return { role: 'unknown', note: 'A WebAssembly module: a kernel is a component.' };
    default:
      return { role: 'unknown', note: `A ${told}: verifying takes none.` };
  }
}

async function verified(asked: Asked): Promise<Verified> {
  const kernels = new Map([[hash(builtIn), builtIn]]);
  for (const file of asked.kernels) {
    const bytes = await small(file, MAX_COMPONENT_BYTES, 'a kernel');
    kernels.set(hash(bytes), bytes);
  }
  const certificate = await named(asked.certificate, MAX_CERTIFICATE_BYTES);
  const log = await named(asked.certificateLog, MAX_CERTIFICATE_LOG_BYTES);
  const evidence = log ? { certificateLog: await withHash(log, asked.certificateHash) } : { certificate };
  const against = {
    ...evidence,
    policy: await named(asked.policy, MAX_TEXT_BYTES),
    trust: await Promise.all(asked.keys.map((key) => named(key, MAX_TEXT_BYTES).then((file) => file!))),
    anySigner: asked.anySigner,
    head: typeof asked.head === 'string' ? asked.head : await named(asked.head, MAX_CERTIFICATE_BYTES),
  };
  const snapshot = asked.snapshot && (await open(asked.snapshot.blob, asked.snapshot.name));
  const inputs = await Promise.all(asked.logs.map(({ blob, name }) => open(blob, name)));
  const [first, ...others] = asked.proofs;
  const proof = await named(first, MAX_CERTIFICATE_BYTES);
  const answer = await run({ ...against, inputs, snapshot, proof }, kernels);
  const proofs: Verified['proofs'] = [];
  for (const other of others) {
    const file = await named(other, MAX_CERTIFICATE_BYTES);
    proofs.push({ name: other.name, answer: await run({ ...against, proof: file }, kernels) });
  }
  const whole = log ?? certificate;
  const stated = whole ? certificates(whole.name, whole.bytes).report : undefined;
  return { answer, proofs, stated: (stated?.certificates ?? []) as Verified['stated'] };
}

/** The loader's verification, over kernels that are compiled when it asks for them. */
async function run(request: Parameters<typeof verify>[0], kernels: Map<string, Uint8Array>): Promise<Answer> {
  let said = 0;
  const told = await verify(request, {
    kernels: [...kernels.keys()],
    kernel: (wanted) => Kernel.compile(kernels.get(wanted)!, { limits: LIMITS, watch }),
    progress: (bytes) => {
      const now = performance.now();
      if (now - said < PROGRESS_MILLISECONDS) return;
      said = now;
      reply({ progress: bytes });
    },
  });
  return told as unknown as Answer;
}

async function withHash(log: { name: string; bytes: Uint8Array }, sidecar: Given | undefined) {
  return { ...log, hash: sidecar && (await small(sidecar, START_BYTES, 'the hash of a certificate log')) };
}

async function named(file: Given | undefined, most: number) {
  return file && { name: file.name, bytes: await small(file, most, 'such a file') };
}

async function small(file: Given, most: number, what: string): Promise<Uint8Array> {
  return readSmall(await open(file.blob, file.name), most, what);
}

async function hashOf(file: Given): Promise<string> {
  const hasher = new Hasher();
  try {
    for await (const piece of (await open(file.blob, file.name)).pieces()) hasher.update(piece);
    return hasher.digest();
  } catch (error) {
    throw error instanceof Failure ? error : new Failure('internal', String(error), { cause: error });
  } finally {
    hasher.free();
  }
}
