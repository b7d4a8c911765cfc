import type { RunChange } from '../batch/change.js';
import { type BatchOptionsInput, batchOptionsSchema } from '../batch/options.js';
import type { BatchInput } from '../batch/run.js';
import { shellWord } from '../batch/shell-word.js';
import type { BatchHandle } from '../client.js';
import { readSchema } from './batch-request.js';
import { type ChangeFlags, changeFromFlags } from './change-flags.js';
import { readSummary } from './deliver.js';
import { UserError } from './errors.js';
import type { Io } from './io.js';
import { type Finding, findKnownRun, type KnownRun } from './known-run.js';
import { withOpenRun } from './open-run.js';
import { checkFlatten } from './result-format.js';
import type { RetryFlags } from './run-flags.js';
import type { RunMemo } from './run-memo.js';
import type { Session } from './session.js';
import type { Reporter } from './terminal/reporter.js';
import { type Visit, visitRun, workerFor } from './visit-run.js';

/** Runs `retry`: asks the failed items of a run again and delivers the whole. Returns the exit code. */
export async function retryRun(id: string, changes: ChangeFlags, flags: RetryFlags, io: Io): Promise<number> {
  const change = changeFromFlags(changes) ?? {};
  const schema = await readSchema(flags, io.interrupt);
  return await withOpenRun(flags, io, async ({ session, reporter, storage }) => {
    const { visit, ...run } = await findEnded(id, { flags, storage, session, io });
    if (schema === undefined || visit.found === 'finished') await checkFlatten(storage, id, visit.format);
    if (visit.found === 'finished') {
      reporter.note(`no item of ${id} has failed: nothing is asked again`);
      return await visitRun(visit, session, reporter, io);
    }
    const options = schema === undefined ? {} : { schema };
    return await startAgain(visit, run, { ...change, ...options }, { session, reporter, io });
  });
}

/** What the new execution of a run takes over from the earlier one. */
interface Earlier {
  readonly memo: RunMemo;
  readonly scheduling: KnownRun['scheduling'];
}

/** The run, which must have ended; as `finished` when none of its items has failed. */
async function findEnded(id: string, finding: Finding): Promise<Earlier & { readonly visit: Visit }> {
  const { status, memo, scheduling, visit } = await findKnownRun(id, finding);
  if (status === 'RUNNING') {
    throw new UserError(`the run ${id} is unfinished: only one that has ended is asked again`, {
      exitCode: 1,
      hint: `Wait for its end: dria-temporal attach ${shellWord(id)}`,
    });
  }
  const summary = await readSummary(finding.storage, id);
  const nothingToDo = status === 'COMPLETED' && summary?.failed === 0;
  return { visit: { ...(await visit()), yes: true, found: nothingToDo ? 'finished' : 'new' }, memo, scheduling };
}

interface Again {
  readonly session: Session;
  readonly reporter: Reporter;
  readonly io: Io;
}

async function startAgain(
  visit: Visit,
  { memo, scheduling }: Earlier,
  change: RunChange & Pick<BatchOptionsInput, 'schema'>,
  { session, reporter, io }: Again,
): Promise<number> {
  const { runId, handle, taskQueue } = visit;
  const { ended: _earlier, ...facts } = memo;
  const input = await inputOf(handle);
  const worker = workerFor(visit, session, (message) => reporter.warn(message));
  worker.catch(() => undefined);
  await session.batches.start({
    id: runId,
    ...(taskQueue === undefined ? {} : { taskQueue }),
    ...scheduling,
    title: `${memo.input ?? runId} · failed items again`,
    memo: facts,
    input: { ...input, options: changed(input.options ?? {}, change), retryFailed: true },
  });
  reporter.note('the failed items are asked again; answers that are there are kept');
  return await visitRun({ ...visit, worker }, session, reporter, io);
}

async function inputOf(handle: BatchHandle): Promise<BatchInput> {
  const input = await handle.input();
  if (input !== undefined) return input;
  throw new UserError(`what the run ${handle.id} was started with cannot be read`, {
    exitCode: 1,
    hint: `Take the failed items out, and run them: dria-temporal results ${shellWord(handle.id)} --failed -o failed.jsonl`,
  });
}

/** The options of the run with what changes; a canary has had its turn. */
function changed(
  { canary: _earlier, ...options }: BatchOptionsInput,
  { model, rpm, tpm, maxTotalTokens, maxCredits, maxCost, ...others }: RunChange & Pick<BatchOptionsInput, 'schema'>,
): BatchOptionsInput {
  const kept: Record<string, unknown> = { ...options, ...others };
  for (const [field, value] of Object.entries({ model, rpm, tpm, maxTotalTokens, maxCredits, maxCost })) {
    if (value === null) delete kept[field];
    else if (value !== undefined) kept[field] = value;
  }
  return batchOptionsSchema.parse(kept);
}
