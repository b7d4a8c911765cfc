import { workflowInfo } from '@temporalio/workflow';
import type { BatchState } from '../batch/batch-state.js';

/** Temporal suggests to continue as new at 4,096 events; what is out then still brings some. */
const LONGEST_HISTORY = 3_000;

/** Returns true if the workflow should take back what it has given out, and continue as new. */
export function isHistoryFull(): boolean {
  const { continueAsNewSuggested, historyLength } = workflowInfo();
  return continueAsNewSuggested || historyLength >= LONGEST_HISTORY;
}

/** Characters of a timer's summary: Temporal takes 200 bytes or more. */
const SUMMARY_LENGTH = 100;

/** Returns a text as the summary of a timer. */
export function timerSummary(text: string): string {
  return text.slice(0, SUMMARY_LENGTH);
}

/**
 * Returns true if the run is pinned to workers of an older version and should go on with the newer. Only a parent moves:
 * its chunks follow it, so that both are of one version. A run that could not be moved once (somebody pinned it by hand)
 * stays.
 */
export function hasNewVersion({ movedFrom }: Pick<BatchState, 'movedFrom'>): boolean {
  return workflowInfo().targetWorkerDeploymentVersionChanged && movedFrom !== currentVersion();
}

/** Returns the version of the workers that this history is made by; undefined without Worker Versioning. */
export function currentVersion(): string | undefined {
  return workflowInfo().currentDeploymentVersion?.buildId;
}
