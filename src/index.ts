export type { BatchOptionsInput } from './batch/options.js';
export type { ModelProgress, Progress, RunState } from './batch/progress.js';
export type { BatchInput, BatchResult } from './batch/run.js';
export type { RunSummary } from './batch/summary.js';
export { BatchClient, BatchHandle, DEFAULT_TASK_QUEUE, type StartBatch } from './client.js';
export { DriaBatchPlugin, type DriaBatchPluginOptions } from './plugin.js';
