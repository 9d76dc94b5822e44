/** What a worker of this package can be asked; how it is asked and answers is in `exchange.ts`. */
import type { FailureData } from './failure.js';
import type { Limits } from './meter.js';
import type { Sent } from './remote.js';

/** What a worker can be asked to do: each with what it is given. */
export interface Requests {
  /** What does the kernel say of itself? */
  describe: { kernel: Sent };
  /** One batch, from genesis or from a snapshot's state. */
  judge: { kernel: Sent; logs: { source: Sent; limit?: bigint | undefined }[]; snapshot?: Sent | undefined };
  /** Is the conflict of an obstruction certificate there? */
  rejudge: { kernel: Sent; certificate: Sent };
  /** Is the evidence right? */
  verify: {
    loader: WebAssembly.Module;
    certificates: Sent;
    kind: 'certificate' | 'certificate-log' | undefined;
    certificateHash: Sent | undefined;
    logs: Sent[];
    kernels: Sent[];
    policy: Sent | undefined;
    trust: (string | Sent)[];
    anySigner: boolean;
    proof: Sent | undefined;
    snapshot: Sent | undefined;
    head: string | Sent | undefined;
  };
  /** What is said where nothing was verified? */
  failed: { loader: WebAssembly.Module; failure: FailureData };
}

/** One task for a worker. */
export type Request = {
  [Task in keyof Requests]: { task: Task; given: Requests[Task]; limits: Limits };
}[keyof Requests];
