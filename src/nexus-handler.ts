import { createRequire } from 'node:module';
import { QueryNotRegisteredError, WorkflowNotFoundError } from '@temporalio/client';
import { z } from 'zod';
import { type BatchResult, batchInputSchema } from './batch/run.js';
import { BatchClient } from './client.js';
import { batchServiceOf, type NexusRpc, type RunOperationInput } from './nexus-service.js';
import { startOptions, WORKFLOW_TYPE } from './start-batch.js';
import type { batchWorkflow } from './workflows/batch.js';

const runSchema = z.strictObject({
  id: z.string().min(1).max(1000).optional(),
  input: batchInputSchema,
  priority: z.int().min(1).max(5).optional(),
});
const statusSchema = z.strictObject({ id: z.string().min(1) });

/**
 * Returns the service's handler. It starts runs on the task queue of its worker. What it needs of Nexus is loaded here: a
 * project without Nexus need not have it.
 */
export function batchServiceHandler() {
  const load = createRequire(import.meta.url);
  const nexus: NexusRpc = load('nexus-rpc');
  const temporal: typeof import('@temporalio/nexus') = load('@temporalio/nexus');
  const parsed = <T>(schema: z.ZodType<T>, operation: string, given: unknown): T => {
    const result = schema.safeParse(given);
    if (result.success) return result.data;
    throw new nexus.HandlerError('BAD_REQUEST', `batch.${operation}: ${z.prettifyError(result.error)}`);
  };
  return nexus.serviceHandler(batchServiceOf(nexus), {
    run: new temporal.WorkflowRunOperationHandler<RunOperationInput, BatchResult>(async (context, given) => {
      const { id = context.requestId, input, priority } = parsed(runSchema, 'run', given);
      const batch = { id, input, ...(priority === undefined ? {} : { priority }) };
      const { taskQueue: _workers, ...start } = startOptions(batch);
      const options = { ...start, workflowIdConflictPolicy: 'USE_EXISTING' as const };
      return await temporal.startWorkflow<typeof batchWorkflow>(context, WORKFLOW_TYPE, options);
    }),
    status: async (_context, given) => {
      const { id } = parsed(statusSchema, 'status', given);
      try {
        return await new BatchClient(temporal.getClient()).handle(id).progress();
      } catch (error) {
        if (!(error instanceof WorkflowNotFoundError || error instanceof QueryNotRegisteredError)) throw error;
        throw new nexus.HandlerError('NOT_FOUND', `there is no run ${id}`, { cause: error });
      }
    },
  });
}
