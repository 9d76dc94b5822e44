/** The page's worker: looks at files and verifies, with the loader and with kernels run by the driver. */
import { serve, type Telling } from '../src/exchange.js';
import { Failure } from '../src/failure.js';
import { certificates, explain, Hasher, hash, initSync, kind } from '../src/generated/loader/loader.js';
import { LIMITS } from '../src/meter.js';
import { parentPort } from '../src/platform.browser.js';
import type { Sent } from '../src/remote.js';
import { open, readSmall } from '../src/sources.js';
import { failed, verified } from '../src/verifying.js';
import { unpacked } from './bundle.js';
import { toBytes } from './embedded.js';
import type { Answer, Asked, Given, Looked, Parts, Role, Task, Verified } from './protocol.js';

/** Bytes of a text that is looked at as a key or a policy. */
const MAX_TEXT_BYTES = 1 << 20;
/** Bytes of a log of certificates: it is held whole. */
const MAX_CERTIFICATE_LOG_BYTES = 512 << 20;
/** First bytes that tell a kind. */
const START_BYTES = 4096;
/** Milliseconds between two words about progress. */
const PROGRESS_MILLISECONDS = 60;

let builtIn: Uint8Array | undefined;
let loader: WebAssembly.Module;

serve<Task>(parentPort(), async (task, telling) => {
  switch (task.task) {
    case 'start':
      return start(task.parts);
    case 'look':
      return look(task.file, telling);
    case 'unpack':
      return unpacked(task.file.blob);
    case 'verify':
      return answered(task.asked, telling);
  }
});

/** Makes the loader ready; the hash and size of the kernel that is built in. */
async function start(parts: Parts): Promise<{ hash: string; size: number } | undefined> {
  loader = await WebAssembly.compile(toBytes(parts.loader));
  initSync({ module: loader });
  builtIn = parts.kernel === undefined ? undefined : toBytes(parts.kernel);
  return builtIn && { hash: hash(builtIn), size: builtIn.length };
}

async function look(file: Given, { progress }: Telling): Promise<Looked> {
  const first = new Uint8Array(await file.blob.slice(0, START_BYTES).arrayBuffer());
  const digest = await hashOf(file, seldom(progress));
  const told = kind(first);
  if (told !== undefined) return { ...use(told), hash: digest };
  if (file.blob.size > MAX_TEXT_BYTES) return { role: 'unknown', note: UNKNOWN, hash: digest };
  const { report } = explain(file.name, await small(file, MAX_TEXT_BYTES, 'a key or a policy'));
  if (report.exit === 0) {
    const { public_key: key, signers } = report.facts as { public_key?: string; signers?: string[] };
    return { role: report.kind as Role, note: undefined, hash: digest, keys: key ? [key] : (signers ?? []) };
  }
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
    case 'evidence':
      return { role: told, note: undefined };
    case 'verify-page':
      return { role: 'unknown', note: 'A verify page without evidence: there is nothing in it to verify.' };
    case 'certificate-index':
      return { role: 'unknown', note: 'An index of a certificate log: it is not needed.' };
    case 'wasm-module':
      return { role: 'unknown', note: 'A WebAssembly module: a kernel is a component.' };
    default:
      return { role: 'unknown', note: `A ${told}: verifying takes none.` };
  }
}

async function answered(asked: Asked, telling: Telling): Promise<Verified> {
  const certificate = asked.certificateLog ?? asked.certificate;
  if (!certificate) {
    const message = 'there is no certificate among the files: only a certificate can be verified';
    const hint = 'Add a certificate or a chain of them.';
    return {
      answer: plain(failed({ loader, failure: new Failure('usage', message, { hint }).toData() })),
      proofs: [],
      stated: [],
    };
  }
  const [first, ...others] = asked.proofs;
  const answer = await run(asked, certificate, first, telling);
  const proofs: Verified['proofs'] = [];
  // What a further proof shows does not hang on logs: they were judged.
  const without = { ...asked, logs: [], snapshot: undefined };
  for (const other of others) {
    proofs.push({ name: other.name, answer: await run(without, certificate, other, telling) });
  }
  const bytes = await small(certificate, MAX_CERTIFICATE_LOG_BYTES, 'a chain of certificates').catch(
    () => undefined,
  );
  const stated = bytes && certificates(certificate.name, bytes).report;
  return { answer, proofs, stated: (stated?.certificates ?? []) as Verified['stated'] };
}

/** One verification, as the package does it in its own worker. */
async function run(
  asked: Asked,
  certificate: Given,
  proof: Given | undefined,
  { watch, progress: tell }: Telling,
): Promise<Answer> {
  const progress = seldom(tell);
  const given = {
    loader,
    certificates: sent(certificate),
    kind: asked.certificateLog ? ('certificate-log' as const) : ('certificate' as const),
    certificateHash: asked.certificateHash && sent(asked.certificateHash),
    logs: asked.logs.map(sent),
    kernels: [
      ...(builtIn ? [{ name: 'the kernel built in', input: builtIn }] : []),
      ...asked.kernels.map(sent),
    ],
    policy: asked.policy && sent(asked.policy),
    trust: asked.keys.map(sent),
    anySigner: asked.anySigner,
    proof: proof && sent(proof),
    snapshot: asked.snapshot && sent(asked.snapshot),
    head: typeof asked.head === 'string' ? asked.head : asked.head && sent(asked.head),
  };
  return plain(await verified(given, { limits: LIMITS, watch, progress }));
}

/** Tells no more often than somebody can see. */
function seldom(tell: (bytes: number) => void): (bytes: number) => void {
  let said = 0;
  return (bytes) => {
    const now = performance.now();
    if (now - said < PROGRESS_MILLISECONDS) return;
    said = now;
    tell(bytes);
  };
}

function sent({ name, blob }: Given): Sent {
  return { name, input: blob };
}

/** The loader's answer with the fields of its report that are shown: their shapes are those of `omega verify`. */
function plain(answer: Awaited<ReturnType<typeof verified>>): Answer {
  return answer as unknown as Answer;
}

async function small(file: Given, most: number, what: string): Promise<Uint8Array> {
  return readSmall(await open(file.blob, file.name), most, what);
}

async function hashOf(file: Given, progress: (bytes: number) => void): Promise<string> {
  const hasher = new Hasher();
  let done = 0;
  try {
    for await (const piece of (await open(file.blob, file.name)).pieces()) {
      hasher.update(piece);
      done += piece.length;
      progress(done);
    }
    return hasher.digest();
  } catch (error) {
    throw error instanceof Failure ? error : new Failure('internal', String(error), { cause: error });
  } finally {
    hasher.free();
  }
}
