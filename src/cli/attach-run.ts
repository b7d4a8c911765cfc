import { UserError } from './errors.js';
import type { Io } from './io.js';
import { type Finding, findKnownRun } from './known-run.js';
import { withOpenRun } from './open-run.js';
import { checkFlatten } from './result-format.js';
import type { RunFlags } from './run-flags.js';
import type { Reporter } from './terminal/reporter.js';
import { atBadEnd, type Visit, visitRun, workerFor } from './visit-run.js';

/** Runs `attach`: follows a run, with a worker on the embedded server, and delivers its results. Returns the exit code. */
export async function attachRun(id: string, flags: RunFlags, io: Io): Promise<number> {
  return await withOpenRun(flags, io, async ({ session, reporter, storage }) => {
    const visit = await findRun(id, { flags, storage, session, io }, reporter);
    await checkFlatten(storage, id, visit.format);
    const worker =
      visit.found === 'running' ? workerFor(visit, session, (message) => reporter.warn(message)) : undefined;
    return await visitRun(worker === undefined ? visit : { ...visit, worker }, session, reporter, io);
  });
}

async function findRun(id: string, finding: Finding, reporter: Reporter): Promise<Visit> {
  const { status, visit } = await findKnownRun(id, finding);
  if (status !== 'RUNNING' && status !== 'COMPLETED') {
    const state = status === 'CANCELLED' || status === 'TERMINATED' ? 'cancelled' : 'failed';
    await atBadEnd(await visit(), state, reporter, finding.io);
    throw new UserError(`the run ${id} has ended: ${status.toLowerCase()}`, {
      exitCode: 1,
      hint: 'Finished answers are kept: the command that started it goes on with them.',
    });
  }
  return { ...(await visit()), yes: false, found: status === 'RUNNING' ? 'running' : 'finished' };
}
