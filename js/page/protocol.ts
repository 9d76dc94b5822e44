/** What the page asks its worker, and what the answers are. Everything in it can be cloned from thread to thread. */
import type { Manifest } from './bundle.js';

/** What a file is for. `unknown` is nothing that can be used here. */
export type Role =
  | 'log'
  | 'certificate'
  | 'certificate-log'
  | 'certificate-hash'
  | 'kernel'
  | 'trust-policy'
  | 'public-key'
  | 'proof'
  | 'snapshot'
  | 'evidence'
  | 'unknown';

/** A file as the page hands it over: bytes are read where they are needed, and only there. */
export interface Given {
  name: string;
  blob: Blob;
}

/** What is seen of a file before anything is verified. */
export interface Looked {
  role: Role;
  /** One sentence where the file cannot be used, or not as it seems. */
  note: string | undefined;
  /** BLAKE3 of the whole file, 64 hex digits. */
  hash: string;
  /** The keys that a public key or a trust policy names. */
  keys?: string[];
}

/** Everything that one verification takes. */
export interface Asked {
  certificate: Given | undefined;
  certificateLog: Given | undefined;
  certificateHash: Given | undefined;
  logs: Given[];
  kernels: Given[];
  snapshot: Given | undefined;
  policy: Given | undefined;
  keys: Given[];
  anySigner: boolean;
  /** The newest certificate that is known: its chain hash, or itself. */
  head: string | Given | undefined;
  proofs: Given[];
  /** Something of it came with an evidence file. */
  claimed: boolean;
  /** Whom to believe came with an evidence file, too. */
  claimedTrust: boolean;
}

/** What an evidence file holds. */
export interface Unpacked {
  manifest: Manifest;
  parts: Blob[];
}

/** An answer, as `omega verify` prints it. */
export interface Answer {
  report: Report;
  text: string;
  exit: number;
}

/** The object for programs: as much of it as is shown. */
export interface Report {
  outcome: string;
  code: string | null;
  number: number | null;
  message: string | null;
  hint: string | null;
  verdict?: string | null;
  kernel_hash?: string;
  checks?: Check[];
  not_shown?: string[];
  certificates?: Entry[];
  proof?: { shows: string; does_not_show: string } | null;
  torn_tail_bytes?: number;
}

export interface Check {
  check: string;
  status: 'passed' | 'failed' | 'could-not-check' | 'unchecked';
  code: string | null;
  height: string | null;
  detail: string;
}

/** A certificate's entry. */
export interface Entry {
  cert_type: string;
  cert_id: string;
  height: string;
  batch_id: string;
  chain_id: string;
  chain_hash: string;
  kernel_hash: string;
  verdict: string | null;
  signers?: { key: string; statement: string; engines?: string[]; trusted?: boolean }[];
  coverage?: Coverage[];
  conflict?: Conflict | null;
  conflicting_writers?: { event: string; log: string; key: string | null }[];
}

export interface Coverage {
  predicate: number;
  name: string;
  judged: string;
  skipped: string;
  known: string;
  violated: string;
}

export interface Conflict {
  predicate: number;
  name: string;
  kind: string;
  sentence: string;
  events: Record<string, unknown>[];
  accepted: Record<string, unknown> | null;
}

/** What one verification came to. */
export interface Verified {
  answer: Answer;
  /** The answer about each proof behind the first, which is part of `answer`. */
  proofs: { name: string; answer: Answer }[];
  /** What the certificates state of themselves, oldest first; nothing of it is verified. */
  stated: Entry[];
}

/** The parts of the page that the worker is made of, as text that `embedded.ts` reads. */
export interface Parts {
  loader: string;
  /** None in an evidence file: its kernels are among its parts. */
  kernel: string | undefined;
}

export type Task =
  | { task: 'start'; parts: Parts }
  | { task: 'look'; file: Given }
  | { task: 'unpack'; file: Given }
  | { task: 'verify'; asked: Asked };
