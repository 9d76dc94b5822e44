/** The worker: does one task at a time, and says how a kernel's time passes, so that it can be ended. */
import { parentPort } from '#platform';
import { MAX_COMPONENT_BYTES } from './component.js';
import { serve } from './exchange.js';
import { judge } from './judge.js';
import { Kernel } from './kernel.js';
import type { Limits, Watch } from './meter.js';
import type { Request, Requests } from './protocol.js';
import { receive, type Sent } from './remote.js';
import { readSmall } from './sources.js';
import { failed, verified } from './verifying.js';

/** Bytes in a certificate: body, signatures and room. */
const MAX_CERTIFICATE_BYTES = 32 << 20;

serve<Request>(parentPort(), async ({ task, given, limits }, { watch, progress }) => {
  const having = { limits, watch };
  switch (task) {
    case 'describe':
      return describe(given, having);
    case 'judge':
      return judged(given, having, progress);
    case 'rejudge':
      return rejudge(given, having);
    case 'verify':
      return verified(given, { ...having, progress });
    case 'failed':
      return failed(given);
  }
});

/** What a kernel may use, and who hears of its time. */
interface Having {
  limits: Limits;
  watch: Watch;
}

async function describe({ kernel }: Requests['describe'], having: Having) {
  return (await compiled(kernel, having)).describe();
}

async function judged(
  { kernel, logs, snapshot }: Requests['judge'],
  having: Having,
  progress: (bytes: number) => void,
) {
  const compiledKernel = await compiled(kernel, having);
  const [session] = snapshot
    ? await compiledKernel.restore(receive(snapshot).pieces())
    : [await compiledKernel.session()];
  try {
    const received = logs.map(({ source, limit }) => ({ source: receive(source), limit }));
    const verdict = await judge(session, received, progress);
    return { ...verdict, state: session.state() };
  } finally {
    session.dispose();
  }
}

async function rejudge({ kernel, certificate }: Requests['rejudge'], having: Having) {
  const bytes = await readSmall(receive(certificate), MAX_CERTIFICATE_BYTES, 'a certificate');
  return (await compiled(kernel, having)).rejudge(bytes);
}

async function compiled(kernel: Sent, having: Having): Promise<Kernel> {
  const bytes = await readSmall(receive(kernel), MAX_COMPONENT_BYTES, 'a kernel');
  return Kernel.compile(bytes, having);
}
