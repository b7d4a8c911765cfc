export type { ApiName } from './batch/api.js';
export {
  type BatchFailure,
  type BatchFailureFacts,
  batchFailureOf,
  type OwnBatchFailure,
} from './batch/batch-failure.js';
export type { RunChange } from './batch/change.js';
export type { EndpointRules, Preference, Price } from './batch/endpoint-rules.js';
export type { ChatMessage, InputLine } from './batch/items.js';
export type { Modality } from './batch/modality.js';
export type { BatchOptionsInput, Dedupe, JsonSchema } from './batch/options.js';
export type { OutputFormat } from './batch/output-format.js';
export type {
  AnswerTimes,
  CanaryProgress,
  EndpointProgress,
  EndpointWait,
  LastFailure,
  ModelProgress,
  PausedBy,
  Progress,
  Rates,
  RunState,
  Spending,
} from './batch/progress.js';
export type { OutputLine, PromptItem } from './batch/prompts.js';
export type { InputFormat, ReadOptions } from './batch/read-options.js';
export type { OptionField, RequestBody, RequestForm } from './batch/request-form.js';
export type {
  AttachmentOptions,
  BatchInput,
  BatchResult,
  NotifyOptions,
  RunNotice,
  WebhookOptions,
} from './batch/run.js';
export type { RunEvent, RunEventData, RunEventType } from './batch/run-event.js';
export type { EndState, RunSummary, SpentCredits } from './batch/summary.js';
export { BatchClient, BatchHandle } from './client.js';
export type { RunExecution } from './client-executions.js';
export type {
  BatchSchedule,
  BatchScheduleDescription,
  BatchScheduleOptions,
  BatchSchedules,
} from './client-schedules.js';
export type { OwnHeaders } from './dria/own-headers.js';
export type { WorkerEndpoint } from './endpoints.js';
export { DriaBatchPlugin, type DriaBatchPluginOptions } from './plugin.js';
export { type PromptsOptions, readResults, stagePrompts } from './prompts.js';
export { DEFAULT_TASK_QUEUE, type StartBatch } from './start-batch.js';
export { type Appender, type Storage, StorageError, type StorageErrorCode } from './storage/storage.js';
export { type StorageOption, storageOf } from './storage-option.js';
export type { Tenant } from './tenants.js';
export type { WebhookHosts } from './webhook/hosts.js';
