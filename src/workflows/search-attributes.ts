import { defineSearchAttributeKey } from '@temporalio/common';
import { upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import type { BatchInput } from '../batch/run.js';
import { type Indexed, indexedPairs } from '../batch/search-names.js';

/** When a schedule meant a run to start: the server sets it. */
const SCHEDULED_AT = defineSearchAttributeKey('TemporalScheduledStartTime', 'DATETIME');

/** Puts a run's state, model and endpoint into the server's index, if its input asks for it: each change is an event. */
export function indexRun(input: BatchInput, indexed: Indexed): void {
  const known = workflowInfo().typedSearchAttributes;
  const changed = indexedPairs(input, indexed).filter(({ key, value }) => known.get(key) !== value);
  if (changed.length > 0) upsertSearchAttributes(changed);
}

/** Returns when a run was scheduled for, or when it was started, epoch ms. */
export function scheduledAt(): number {
  const { typedSearchAttributes, startTime } = workflowInfo();
  return (typedSearchAttributes.get(SCHEDULED_AT) ?? startTime).getTime();
}
