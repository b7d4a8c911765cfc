import type { Progress } from './batch/progress.js';
import type { BatchInput, BatchResult } from './batch/run.js';

/** The package `nexus-rpc`: loaded only by those who use Nexus. */
export type NexusRpc = typeof import('nexus-rpc');

/** What the operation `run` takes. */
export interface RunOperationInput {
  /** The run's id. Default: the id of the Nexus request, so that each operation is a run of its own. */
  readonly id?: string;
  /** What to run, and how. */
  readonly input: BatchInput;
  /** 1 goes first, 5 last, among runs that share workers. Default 3. */
  readonly priority?: number;
}

/** Returns the Nexus service of a worker with batches. */
export function batchServiceOf({ service, operation }: Pick<NexusRpc, 'operation' | 'service'>) {
  return service('batch', {
    run: operation<RunOperationInput, BatchResult>(),
    status: operation<{ readonly id: string }, Progress>(),
  });
}
