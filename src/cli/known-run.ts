import type { WorkflowExecutionStatusName } from '@temporalio/client';
import { shellWord } from '../batch/shell-word.js';
import type { RunExecution } from '../client-executions.js';
import type { Storage } from '../storage/storage.js';
import { UserError } from './errors.js';
import type { Io } from './io.js';
import { missingRun } from './missing-run.js';
import { checkNotedOutput } from './output.js';
import { placesOf } from './places.js';
import { formatFrom, wantedFrom } from './result-format.js';
import { runEndpointsFromFlags } from './run-endpoints.js';
import type { RunFlags } from './run-flags.js';
import { type RunMemo, readableMemoOf, wantedOf } from './run-memo.js';
import type { Session } from './session.js';
import type { Visit } from './visit-run.js';

/** A run that the server knows. */
export interface KnownRun {
  readonly status: WorkflowExecutionStatusName;
  readonly memo: RunMemo;
  /** What it was started with. */
  readonly scheduling: Pick<RunExecution, 'priority' | 'weight'>;
  /** What a visit to it has, whatever it is for. */
  visit(): Promise<Omit<Visit, 'found' | 'yes'>>;
}

/** What finding a run takes. */
export interface Finding {
  readonly flags: RunFlags;
  readonly storage: Storage;
  readonly session: Session;
  readonly io: Io;
}

/** Finds a run by its id. Throws a `UserError` when there is none, and by `visit` when this environment is for another endpoint. */
export async function findKnownRun(id: string, finding: Finding): Promise<KnownRun> {
  const { flags, storage, session, io } = finding;
  const handle = session.batches.handle(id);
  const run = await handle.describe();
  if (run === undefined) throw await missingRun(id, storage);
  const memo = readableMemoOf(run);
  const wanted = wantedFrom(flags, wantedOf(memo));
  const format = await formatFrom(wanted, io);
  if (flags.output === undefined && wanted.output !== undefined) {
    await checkNotedOutput(wanted.output, { places: placesOf(flags, io.env), format, env: io.env });
  }
  return {
    status: run.status.name,
    memo,
    scheduling: {
      ...(run.priority === undefined ? {} : { priority: run.priority }),
      ...(run.weight === undefined ? {} : { weight: run.weight }),
    },
    visit: async () => ({
      runId: id,
      handle,
      storage,
      ...(await endpointOfRun(id, memo.endpoint, finding)),
      taskQueue: run.taskQueue,
      output: wanted.output,
      format,
      ...(flags.onPause === undefined ? {} : { onPause: flags.onPause }),
      ...(flags.onComplete === undefined ? {} : { onComplete: flags.onComplete }),
      ...(memo.items === undefined ? {} : { items: memo.items }),
    }),
  };
}

/**
 * The endpoints for a worker here: the run's own, and never this environment's key to another one. Throws a `UserError`
 * when this environment is for others than the run.
 */
async function endpointOfRun(
  id: string,
  runs: string | undefined,
  { flags, session, io }: Finding,
): Promise<Pick<Visit, 'endpoint' | 'endpoints'>> {
  if (!session.embedded) return { endpoint: runs ?? '' };
  const { endpoint: ours, file } = await runEndpointsFromFlags(flags, io, true);
  const endpoints = file === undefined ? {} : { endpoints: file.worker };
  if (runs === undefined || runs === ours) return { endpoint: ours, ...endpoints };
  throw new UserError(`the run ${id} is for ${runs}, but this environment is for ${ours}`, {
    exitCode: 2,
    hint: runs.includes('=')
      ? 'Give --endpoints with the file that it was started with.'
      : `Give --base-url ${shellWord(runs)}, with its key in DRIA_API_KEY.`,
  });
}
