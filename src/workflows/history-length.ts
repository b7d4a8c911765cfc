import { workflowInfo } from '@temporalio/workflow';

/** Temporal suggests to continue as new at 4,096 events; this leaves room for what is not foreseen. */
const LONGEST_HISTORY = 3_800;

/** Room kept for what is under way at most: a fresh history must be able to start something. */
const MOST_TO_COME = 1_900;

/**
 * True when the workflow should continue as new as soon as what is under way has ended: Temporal suggests it, or the
 * events that the end of what is under way will still bring (`eventsToCome`) would lead beyond its limit.
 */
export function historyIsLong(eventsToCome: number): boolean {
  const { continueAsNewSuggested, historyLength } = workflowInfo();
  return continueAsNewSuggested || historyLength + Math.min(eventsToCome, MOST_TO_COME) > LONGEST_HISTORY;
}
