/** What the node answers, as much of it as is shown: `/api/openapi.json` has all of it. Wide numbers are strings. */
import type { Conflict, Coverage, Entry } from '../page/protocol.js';

export type { Conflict, Coverage, Entry };

export interface Status {
  version: string;
  uptime_seconds: number;
  readiness: Readiness;
  chain_id: string;
  height: string;
  head: string;
  kernel_hash: string;
  checker_version: number;
  public_key: string;
  policy: { threshold: number; keys: string[] };
  accepted_ids: string;
  state_root: string;
  ids: string;
  events: string;
  waiting_events: number;
  events_taken: string;
  logs: number;
  open_incidents: number;
  audited_batches: string;
}

export interface Readiness {
  ready: boolean;
  reasons: string[];
}

export interface Incident {
  id: number;
  kind: 'conflict' | 'unjudged' | 'replay-mismatch' | 'torn-tail' | 'rolled-back';
  opened_ms: number;
  height: string | null;
  message: string;
  conflict: Conflict | null;
  crash_folder: string | null;
  event_ids: string[];
  events: number;
  resolved: { action: Action; at_ms: number; by: string; note: string } | null;
}

export type Action = 'release' | 'dismiss';

/** One certificate with what was judged. */
export interface One {
  certificate: Entry;
  bytes: string;
  logs: { name: string; events: string }[];
}

/** What became of an event. */
export type Fate = 'waiting' | 'accepted' | 'quarantined' | 'unjudged';

/** An event of a batch, without its payload. */
export interface Header {
  id: string;
  event_hash: string;
  node: number;
  stream: number;
  lamport: string;
  prev: string | null;
  deps: string[];
  dep_count: number;
  payload_length: string;
  state: Fate;
  state_height: string | null;
}

/** A batch's logs, each with its first events. */
export interface Batch {
  height: string;
  logs: { name: string; events: string; first: Header[] }[];
}

/** What the node knows of an event. */
export interface KnownEvent {
  id: string;
  held: { log: string; state: Fate; height: string | null; event: Record<string, unknown> }[];
  proof_height: string;
  proof: string;
}

export interface KernelFile {
  hash: string;
  bytes: number;
  active: boolean;
}

/** What a kernel says of itself. */
export interface Described extends KernelFile {
  checker_version: number;
}

/** Past verdicts beside what another kernel would have said. */
export interface Diff {
  kernel: string;
  replayed: string;
  /** A thousand of them at most. */
  differences: Difference[];
  difference_count: number;
}

/** A past verdict that would be another. */
export interface Difference {
  height: string;
  old_verdict: string;
  new_verdict: string;
  /** The first thing that differs. */
  what: string;
}

/** A kernel was put in place. */
export interface Swapped {
  height: string;
  old_kernel: string;
  new_kernel: string;
  replayed: string;
  differences: number;
  /** Microseconds between two batches. */
  pause_us: number;
}
