import { workflowInfo } from '@temporalio/workflow';

/** Temporal suggests to continue as new at 4,096 events; this leaves room for what is not foreseen. */
const LONGEST_HISTORY = 3_800;

/**
 * Events that this history may still take. What is started must fit in with all that it will bring; when nothing does any
 * more, the workflow continues as new once what is under way has ended.
 */
export function roomInHistory(): number {
  const { continueAsNewSuggested, historyLength } = workflowInfo();
  return continueAsNewSuggested ? 0 : Math.max(0, LONGEST_HISTORY - historyLength);
}
