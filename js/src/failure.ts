/**
 * Why something could not be done: the closed set of numbers and names that the `omega` command and the
 * kernel share. The table is made from `schemas/faults.md`; nothing is numbered here.
 */
import { FAULTS } from './generated/faults.js';

/** Stable name of a failure. */
export type Code = keyof typeof FAULTS | 'usage' | 'internal';

const NAMES = new Map<number, Code>(
  (Object.keys(FAULTS) as (keyof typeof FAULTS)[]).map((name) => [FAULTS[name], name]),
);
/** Numbers from here on within their exit code are a host's: no kernel may return them. */
const FIRST_OF_HOSTS = 900;

/** What else is known of a failure. */
export interface Details {
  /** What to do about it. */
  hint?: string | undefined;
  /** The file or source it is about. */
  file?: string | undefined;
  /** Index of the log it was found in, in the caller's order. */
  log?: number | undefined;
  /** Byte offset of what is wrong. */
  offset?: bigint | undefined;
  /** What brought it about. */
  cause?: unknown;
}

/** A failure, with the code, number and exit code that the `omega` command has for it. */
export class Failure extends Error {
  override readonly name = 'Failure';
  /** Stable name. */
  readonly code: Code;
  /** Stable number; the exit code where there is none of its own. */
  readonly number: number;
  /** 20: the evidence is wrong; 30: could not check; 2: wrong use; 1: a defect of this program. */
  readonly exit: number;
  readonly hint: string | undefined;
  readonly file: string | undefined;
  readonly log: number | undefined;
  readonly offset: bigint | undefined;

  constructor(code: Code, message: string, details: Details = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.number = code === 'usage' ? 2 : code === 'internal' ? 1 : FAULTS[code];
    this.exit = this.number < 1000 ? this.number : Math.floor(this.number / 1000);
    this.hint = details.hint;
    this.file = details.file;
    this.log = details.log;
    this.offset = details.offset;
  }

  /** As plain data, for a message from one thread to another. */
  toData(): FailureData {
    const { code, message, hint, file, log, offset } = this;
    return { code, message, hint, file, log, offset };
  }

  /** From what `toData` gave. */
  static fromData({ code, message, ...details }: FailureData): Failure {
    return new Failure(code, message, details);
  }
}

/** A failure as plain data. */
export interface FailureData extends Details {
  code: Code;
  message: string;
}

/**
 * The name of a number that a kernel may return, or undefined where there is none: then the kernel broke
 * the contract.
 */
export function kernelFaultName(number: number): Code | undefined {
  return number % 1000 < FIRST_OF_HOSTS ? NAMES.get(number) : undefined;
}

/** Anything that was thrown, as a failure; what is none is a defect of this program. */
export function asFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return new Failure('internal', message, { cause: error });
}
