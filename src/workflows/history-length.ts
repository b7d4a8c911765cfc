import { workflowInfo } from '@temporalio/workflow';

/** Temporal suggests to continue as new at 4,096 events; this leaves room for what is not foreseen. */
const LONGEST_HISTORY = 3_800;

/** The room that is left when a history comes to its end. Before, there may be none only since much runs at once. */
const ROOM_AT_THE_END = LONGEST_HISTORY / 4;

/**
 * Events that this history may still take. What is started must fit in with all that it will bring; when nothing does any
 * more, the workflow continues as new once what is under way has ended.
 */
export function roomInHistory(): number {
  const { continueAsNewSuggested, historyLength } = workflowInfo();
  return continueAsNewSuggested ? 0 : Math.max(0, LONGEST_HISTORY - historyLength);
}

/** True when most of this history is used, and not only promised to what runs. */
export function isNearItsEnd(): boolean {
  return roomInHistory() < ROOM_AT_THE_END;
}
