/** Do these logs agree? Runs the very component that a certificate names, in a worker, in Node and browsers. */
export { type Code, Failure } from './failure.js';
export {
  Isolate,
  type IsolateOptions,
  type Judged,
  type LogInput,
  type RunOptions,
} from './isolate.js';
export type { Description, JudgedLog, Verdict } from './kernel.js';
export { LIMITS, type Limits } from './meter.js';
export type { Input } from './sources.js';
export {
  type Check,
  type Evidence,
  type Given,
  type Report,
  type Trust,
  type Verification,
  type VerifyOptions,
  verify,
} from './verify.js';
