import { chunkWorkflow as runChunk } from './chunk.js';

export { type BatchFailure, batchFailureOf } from '../batch/batch-failure.js';
export type { ChatMessage, InputLine } from '../batch/items.js';
export type { OutputLine, PromptItem } from '../batch/prompts.js';
export { batchWorkflow } from './batch.js';
export {
  pauseSignal,
  pauseUpdate,
  progressQuery,
  resumeSignal,
  resumeUpdate,
  setSignal,
  setUpdate,
} from './messages.js';
export { type PromptSteps, readResults, stagePrompts } from './prompts.js';

/** One chunk of a run. It must be in the worker's bundle; only `batchWorkflow` starts it. */
export const chunkWorkflow: (input: never) => Promise<unknown> = runChunk;
