import type { Storage } from '../storage/storage.js';
import { UserError } from './errors.js';
import type { Io } from './io.js';
import { withOpenRun } from './open-run.js';
import { endpointOfRun } from './run-endpoint.js';
import type { RunFlags } from './run-flags.js';
import { noSuchRun, runMemoSchema } from './run-memo.js';
import type { Session } from './session.js';
import { type Visit, visitRun, workerFor } from './visit-run.js';

/** Runs `attach`: follows a run, with a worker on the embedded server, and delivers its results. Returns the exit code. */
export async function attachRun(id: string, flags: RunFlags, io: Io): Promise<number> {
  return await withOpenRun(flags, io, async ({ session, reporter, storage }) => {
    const visit = await findRun(id, flags, storage, session, io);
    const worker = visit.found === 'running' ? workerFor(visit, session, reporter) : undefined;
    return await visitRun(worker === undefined ? visit : { ...visit, worker }, session, reporter, io);
  });
}

async function findRun(id: string, flags: RunFlags, storage: Storage, session: Session, io: Io): Promise<Visit> {
  const handle = session.batches.handle(id);
  const run = await handle.describe();
  if (run === undefined) throw noSuchRun(id);
  const memo = runMemoSchema.parse(run.memo ?? {});
  const status = run.status.name;
  if (status !== 'RUNNING' && status !== 'COMPLETED') {
    throw new UserError(`the run ${id} has ended: ${status.toLowerCase()}`, {
      exitCode: 1,
      hint: 'Finished answers are kept: the command that started it goes on with them.',
    });
  }
  return {
    runId: id,
    handle,
    storage,
    endpoint: endpointOfRun(id, flags.baseUrl, memo.endpoint, session, io),
    taskQueue: run.taskQueue,
    output: flags.output ?? memo.output,
    yes: false,
    ...(memo.items === undefined ? {} : { items: memo.items }),
    found: status === 'RUNNING' ? 'running' : 'finished',
  };
}
