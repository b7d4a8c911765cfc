import type { BatchActivities } from '../batch/work.js';
import type { ActivityContext, ActivityDependencies } from './dependencies.js';
import { infer } from './infer.js';
import { readChunks, readManifest } from './manifest.js';
import { fetchModels } from './models.js';
import { assembleResults, recoverChunk, writePart } from './results.js';
import { settingsReader } from './settings.js';

/** The activities of this package for one worker. What they share (connections, settings) is made once, here. */
export function createActivities(dependencies: ActivityDependencies): BatchActivities {
  const { storage, endpoint } = dependencies;
  const context: ActivityContext = { ...dependencies, settings: settingsReader(storage, endpoint) };
  return {
    readManifest: (input) => readManifest(context, input),
    readChunks: (input) => readChunks(context, input),
    fetchModels: (input) => fetchModels(context, input),
    infer: (input) => infer(context, input),
    recoverChunk: (input) => recoverChunk(context, input),
    writePart: (input) => writePart(context, input),
    assembleResults: (input) => assembleResults(context, input),
  };
}
