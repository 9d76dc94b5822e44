/** The worker: does one task at a time, and says how a kernel's time passes, so that it can be ended. */
import { parentPort } from '#platform';
import { MAX_COMPONENT_BYTES } from './component.js';
import { asFailure } from './failure.js';
import { judge } from './judge.js';
import { Kernel } from './kernel.js';
import type { Limits } from './meter.js';
import type { Reply, Request, Requests } from './protocol.js';
import { receive, type Sent } from './remote.js';
import { readSmall } from './sources.js';
import { failed, verified } from './verifying.js';

/** Bytes in a certificate: body, signatures and room. */
const MAX_CERTIFICATE_BYTES = 32 << 20;

const port = parentPort();
const reply = (message: Reply) => port.send(message);
const watch = {
  enter: (bytes: number) => reply({ enter: bytes }),
  leave: () => reply({ leave: true }),
  renew: () => reply({ renew: true }),
};

port.onMessage(async (message) => {
  try {
    reply({ done: await answer(message as Request) });
  } catch (error) {
    reply({ failure: asFailure(error).toData() });
  }
});

async function answer({ task, given, limits }: Request): Promise<unknown> {
  switch (task) {
    case 'describe':
      return describe(given, limits);
    case 'judge':
      return judged(given, limits);
    case 'rejudge':
      return rejudge(given, limits);
    case 'verify':
      return verified(given, { limits, watch, progress: (progress) => reply({ progress }) });
    case 'failed':
      return failed(given);
  }
}

async function describe({ kernel }: Requests['describe'], limits: Limits) {
  return (await compiled(kernel, limits)).describe();
}

async function judged({ kernel, logs, snapshot }: Requests['judge'], limits: Limits) {
  const compiledKernel = await compiled(kernel, limits);
  const [session] = snapshot
    ? await compiledKernel.restore(receive(snapshot).pieces())
    : [await compiledKernel.session()];
  try {
    const received = logs.map(({ source, limit }) => ({ source: receive(source), limit }));
    const verdict = await judge(session, received, (progress) => reply({ progress }));
    return { ...verdict, state: session.state() };
  } finally {
    session.dispose();
  }
}

async function rejudge({ kernel, certificate }: Requests['rejudge'], limits: Limits) {
  const bytes = await readSmall(receive(certificate), MAX_CERTIFICATE_BYTES, 'a certificate');
  return (await compiled(kernel, limits)).rejudge(bytes);
}

async function compiled(kernel: Sent, limits: Limits): Promise<Kernel> {
  const bytes = await readSmall(receive(kernel), MAX_COMPONENT_BYTES, 'a kernel');
  return Kernel.compile(bytes, { limits, watch });
}
