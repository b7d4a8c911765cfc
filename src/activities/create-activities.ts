import type { BatchActivities } from '../batch/work.js';
import { readCanary } from './canary.js';
import type { ActivityDependencies } from './dependencies.js';
import { infer } from './infer.js';
import { readChunks, readManifest } from './manifest.js';
import { fetchModels, readBalance } from './models.js';
import { recoverChunk } from './recover.js';
import { assembleResults, keepFailures, keepSummary, writePart } from './results.js';

/** The activities of this package for one worker. What they share (connections, storage) is made once, by the caller. */
export function createActivities(dependencies: ActivityDependencies): BatchActivities {
  return {
    readManifest: (input) => readManifest(dependencies, input),
    readChunks: (input) => readChunks(dependencies, input),
    fetchModels: () => fetchModels(dependencies),
    readBalance: (input) => readBalance(dependencies, input),
    readCanary: (input) => readCanary(dependencies, input),
    infer: (input) => infer(dependencies, input),
    recoverChunk: (input) => recoverChunk(dependencies, input),
    keepFailures: (input) => keepFailures(dependencies, input),
    keepSummary: (input) => keepSummary(dependencies, input),
    writePart: (input) => writePart(dependencies, input),
    assembleResults: (input) => assembleResults(dependencies, input),
  };
}
