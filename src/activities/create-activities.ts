import { ACTIVITY_PREFIX, type BatchActivities } from '../batch/activity-contract.js';
import { readCanary } from './canary.js';
import type { ActivityDependencies } from './dependencies.js';
import { fetchEndpointModels } from './endpoint-models.js';
import { translated } from './failures.js';
import { infer } from './infer.js';
import { readChunks, readManifest } from './manifest.js';
import { fetchModels, readBalance } from './models.js';
import { joinInputs, readResults, stagePrompts } from './prompts.js';
import { recoverChunk } from './recover.js';
import { assembleResults, copyResults, endRun, failItems, writePart } from './results.js';
import { refuseUnshared } from './unshared.js';
import { sendWebhook } from './webhook.js';

/** The activities of this package for one worker. What they share (connections, storage) is made once, by the caller. */
export function createActivities(dependencies: ActivityDependencies): BatchActivities {
  /** A step of a run that has been prepared: on a worker with another storage it would take all for missing. */
  const step =
    <I extends { readonly run: string }, R>(activity: (worker: ActivityDependencies, input: I) => Promise<R>) =>
    async (input: I): Promise<R> => {
      await translated(() => refuseUnshared(dependencies.storage, input.run));
      return await activity(dependencies, input);
    };
  return {
    readManifest: (input) => readManifest(dependencies, input),
    readChunks: step(readChunks),
    fetchModels: (input) => fetchModels(dependencies, input),
    fetchEndpointModels: (input) => fetchEndpointModels(dependencies, input),
    readBalance: (input) => readBalance(dependencies, input),
    readCanary: step(readCanary),
    infer: (input) => infer(dependencies, input),
    recoverChunk: step(recoverChunk),
    failItems: step(failItems),
    // A run that failed before it began has nothing in any storage.
    endRun: (input) => (input.summary === undefined ? endRun(dependencies, input) : step(endRun)(input)),
    writePart: step(writePart),
    assembleResults: step(assembleResults),
    copyResults: step(copyResults),
    // A run that failed before it began has nothing in any storage.
    sendWebhook: (input) => sendWebhook(dependencies, input),
    stagePrompts: (input) => stagePrompts(dependencies, input),
    joinInputs: (input) => joinInputs(dependencies, input),
    readResults: (input) => readResults(dependencies, input),
  };
}

/** Returns activities by the names that a worker registers them by. */
export function prefixed(activities: BatchActivities): Record<string, (input: never) => Promise<unknown>> {
  return Object.fromEntries(Object.entries(activities).map(([name, run]) => [`${ACTIVITY_PREFIX}${name}`, run]));
}
