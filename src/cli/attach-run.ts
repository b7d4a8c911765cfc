import type { Storage } from '../storage/storage.js';
import { Cleanup } from './cleanup.js';
import { UserError } from './errors.js';
import type { Io } from './io.js';
import { openReporter } from './open-reporter.js';
import { checkOutput } from './output.js';
import { usablePlaces } from './places.js';
import { endpointOfRun } from './run-endpoint.js';
import type { RunFlags } from './run-flags.js';
import { noSuchRun, runMemoSchema } from './run-memo.js';
import { openSession, type Session } from './session.js';
import { temporalSettings } from './temporal-settings.js';
import { type Visit, visitRun, workerFor } from './visit-run.js';

/** Runs `attach`: follows a run, with a worker on the embedded server, and delivers its results. Returns the exit code. */
export async function attachRun(id: string, flags: RunFlags, io: Io): Promise<number> {
  const settings = temporalSettings(flags, io.env);
  if (flags.output !== undefined) await checkOutput(flags.output);
  const { dataDir, storage } = await usablePlaces(flags, io.env);
  const cleanup = new Cleanup();
  try {
    const reporter = cleanup.add(openReporter(flags.json, io), (opened) => opened.close());
    const onStep = (step: string) => reporter.note(step);
    const withWorker = settings.kind === 'embedded';
    const session = cleanup.add(
      await openSession({ settings, withWorker, dataDir, env: io.env, onStep, signal: io.interrupt }),
      (opened) => opened.close(),
    );
    const visit = await findRun(id, flags, storage, session, io);
    const worker = visit.found === 'running' ? workerFor(visit, session, reporter) : undefined;
    return await visitRun(worker === undefined ? visit : { ...visit, worker }, session, reporter, io);
  } finally {
    await cleanup.run();
  }
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
