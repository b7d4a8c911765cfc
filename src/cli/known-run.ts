import type { WorkflowExecutionStatusName } from '@temporalio/client';
import type { Storage } from '../storage/storage.js';
import { endpointFromFlags } from './batch-request.js';
import { UserError } from './errors.js';
import type { Io } from './io.js';
import type { RunFlags } from './run-flags.js';
import { noSuchRun, type RunMemo, runMemoSchema } from './run-memo.js';
import type { Session } from './session.js';
import type { Visit } from './visit-run.js';

/** A run that the server knows. */
export interface KnownRun {
  readonly status: WorkflowExecutionStatusName;
  readonly memo: RunMemo;
  /** What it was started with; undefined when that was the default. */
  readonly priority: number | undefined;
  /** What a visit to it has, whatever it is for. */
  visit(): Omit<Visit, 'found' | 'yes'>;
}

/** What finding a run takes. */
export interface Finding {
  readonly flags: RunFlags;
  readonly storage: Storage;
  readonly session: Session;
  readonly io: Io;
}

/** Finds a run by its id. Throws a `UserError` when there is none, and by `visit` when this environment is for another endpoint. */
export async function findKnownRun(id: string, { flags, storage, session, io }: Finding): Promise<KnownRun> {
  const handle = session.batches.handle(id);
  const run = await handle.describe();
  if (run === undefined) throw noSuchRun(id);
  const memo = runMemoSchema.parse(run.memo ?? {});
  return {
    status: run.status.name,
    memo,
    // The server says 0 where none was given.
    priority: run.priority?.priorityKey || undefined,
    visit: () => ({
      runId: id,
      handle,
      storage,
      endpoint: endpointOfRun(id, flags.baseUrl, memo.endpoint, session, io),
      taskQueue: run.taskQueue,
      output: flags.output ?? memo.output,
      ...(memo.items === undefined ? {} : { items: memo.items }),
    }),
  };
}

/**
 * The endpoint for a worker here: the run's own, and never this environment's key to another one. Throws a `UserError`
 * when this environment is for another endpoint than the run.
 */
function endpointOfRun(
  id: string,
  baseUrl: string | undefined,
  runs: string | undefined,
  session: Session,
  io: Io,
): string {
  if (!session.embedded) return runs ?? '';
  const ours = endpointFromFlags(baseUrl, io.env);
  if (runs === undefined || runs === ours) return ours;
  throw new UserError(`the run ${id} is for ${runs}, but this environment is for ${ours}`, {
    exitCode: 2,
    hint: `Give --base-url ${runs}, with its key in DRIA_API_KEY.`,
  });
}
