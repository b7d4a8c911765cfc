import type { OutputLine, PromptItem } from './batch/prompts.js';
import type { BatchResult } from './batch/run.js';
import { type StorageOption, storageOf } from './storage-option.js';
import * as prompts from './store/prompts.js';

/** Which storage is meant. */
export interface PromptsOptions {
  /** Default: as for `DriaBatchPlugin`. */
  readonly storage?: StorageOption | undefined;
}

/**
 * Stages prompts that are in memory, in the storage of the workers. Returns the `input` of a `batchWorkflow`. For clients and
 * for activities of your own; workflows import the one of `dria-temporal/workflows`. Idempotent: the same prompts have
 * the same key.
 */
export async function stagePrompts(
  items: Iterable<PromptItem> | AsyncIterable<PromptItem>,
  { storage }: PromptsOptions = {},
): Promise<string> {
  return await prompts.stagePrompts(storageOf(storage), items);
}

/** Reads the output lines of a run that has completed, in input order. For clients and for activities of your own. */
export function readResults(
  { results }: Pick<BatchResult, 'results'>,
  { storage }: PromptsOptions = {},
): AsyncGenerator<OutputLine, void, undefined> {
  return prompts.streamOutputLines(storageOf(storage), results);
}
