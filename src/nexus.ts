import * as nexus from 'nexus-rpc';
import { batchServiceOf } from './nexus-service.js';

export type { RunOperationInput } from './nexus-service.js';

/** The Nexus service of a worker with batches: `run` ends with its run, `status` returns its progress at once. */
export const batchService = batchServiceOf(nexus);
