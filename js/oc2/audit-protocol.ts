/** What the page asks the worker that verifies, and what the answers are. */
import type { Answer } from '../page/protocol.js';

/** Bytes under the name that messages call them by. */
export interface Named {
  name: string;
  input: Uint8Array;
}

export type Task =
  /** Makes it ready. */
  | { task: 'start'; loader: string }
  /** Takes kernels; each is known by the hash of its bytes, and compiled only where it is named. */
  | { task: 'kernels'; kernels: Named[] }
  /** Opens the state that a snapshot holds, or without one the empty state that every chain starts from. */
  | { task: 'open'; kernel: string; snapshot: Named | undefined }
  /** Judges a batch in the state that is open, and goes on to the state after it. Gives whether the logs agreed. */
  | { task: 'judge'; kernel: string; logs: Named[] }
  /** Verifies the chain up to a point and, from the state that is open, that point's own logs. */
  | { task: 'verify'; point: Point }
  /** Verifies a proof about one certificate. */
  | { task: 'prove'; certificate: Named; proof: Named };

/** A point of the chain. */
export interface Point {
  /** The log of certificates up to it. */
  certificates: Named;
  /** The hash that the chain has there, as it was heard of elsewhere. */
  head: string;
  /** The certificate before it: whose state is open; undefined where nothing is to be judged. */
  state: { chainId: string; height: number } | undefined;
  logs: Named[];
  /** Public keys to trust; where there are none, whoever signed is accepted. */
  trust: string[];
}

export type { Answer };
