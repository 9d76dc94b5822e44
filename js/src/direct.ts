/**
 * Kernels in this very thread: for programs that bring a thread of their own. A kernel that does not return
 * holds the thread for ever; `omega-verify` itself runs kernels in a worker that can be ended.
 */
export { type Parts, takeApart } from './component.js';
export { asFailure, type Code, Failure } from './failure.js';
export { judge, type LogToJudge } from './judge.js';
export {
  type ChainPosition,
  type Description,
  type JudgedLog,
  Kernel,
  type KernelOptions,
  type Proven,
  type Session,
  type Summary,
  type Verdict,
} from './kernel.js';
export { LIMITS, type Limits, type Watch } from './meter.js';
export { type Input, open, type Source } from './sources.js';
