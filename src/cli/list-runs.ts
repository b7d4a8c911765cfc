import { z } from 'zod';
import type { Progress } from '../batch/progress.js';
import type { RunExecution } from '../client-executions.js';
import type { Storage } from '../storage/storage.js';
import { ProgressAsker } from './ask-progress.js';
import { readLedger } from './deliver.js';
import type { Io } from './io.js';
import { mapInOrder } from './map-in-order.js';
import { type ListedState, type RunFilter, runFilterOf, serverConditions } from './run-filter.js';
import type { ListFlags } from './run-flags.js';
import { memoOf, modelOf, type RunMemo, unreadableNote } from './run-memo.js';
import type { Session } from './session.js';
import { withSession } from './show-runs.js';
import { type RunRow, runsTable } from './terminal/tables.js';

/** Runs that are asked about at once. */
const AT_ONCE = 8;

/** How long all unfinished runs together may take to answer, ms. */
const ANSWERS_MS = 2_000;

/** Prints the runs that the flags ask for: unfinished ones, then the last to end. */
export async function listRuns(flags: ListFlags, io: Io): Promise<void> {
  const filter = runFilterOf(flags, Date.now());
  await withSession(flags, io, async (session, storage) => {
    const list = new RunList(session, storage, filter);
    const rows: RunRow[] = [];
    for await (const row of list.rows()) {
      if (flags.json) io.stdout.write(`${JSON.stringify(row)}\n`);
      else rows.push(row);
    }
    if (!flags.json) io.stdout.write(`${runsTable(rows)}\n`);
    for (const note of list.notes()) io.stderr.write(`${note}\n`);
  });
}

/** The runs of a server that a filter lets through. */
class RunList {
  private readonly asker = new ProgressAsker(ANSWERS_MS);
  /** The newest execution of an id comes first in the server's order; the earlier ones are no runs of their own. */
  private readonly seen = new Set<string>();
  private hasMore = false;
  private notAsked = 0;
  private readonly shown: RunExecution[] = [];

  constructor(
    private readonly session: Session,
    private readonly storage: Storage,
    private readonly filter: RunFilter,
  ) {}

  /** A row a run, as soon as it is known. */
  async *rows(): AsyncGenerator<RunRow, void, undefined> {
    const runs = this.session.batches.list(serverConditions(this.filter, await this.isIndexed()));
    let count = 0;
    for await (const row of mapInOrder(runs, AT_ONCE, (run) => this.rowOf(run))) {
      if (row === undefined) continue;
      count++;
      this.hasMore = count > this.filter.limit;
      if (this.hasMore) return;
      yield row;
    }
  }

  /** What a person should know beside the rows. */
  notes(): string[] {
    const { limit } = this.filter;
    const unreadable = unreadableNote(this.shown);
    return [
      ...(this.hasMore ? [`there are more than ${limit}: --limit shows further ones, --all every one`] : []),
      ...(this.notAsked === 0 ? [] : [`not all unfinished runs returned their progress within ${ANSWERS_MS} ms`]),
      ...(unreadable === undefined ? [] : [unreadable]),
    ];
  }

  private async rowOf(run: RunExecution): Promise<RunRow | undefined> {
    const { workflowId: id, startTime, closeTime } = run;
    const memo = memoOf(run);
    const { input } = memo;
    if (this.seen.has(id) || !this.isWantedInput(input) || !this.isWantedModel(run, memo)) return undefined;
    this.seen.add(id);
    if (!(await this.isNewest(run))) return undefined;
    const standing = await this.standing(run, memo.ended);
    const { state, ok, failed, skipped, items = memo.items, startedAt = startTime.getTime() } = standing;
    const { pausedBy, waiting } = standing;
    if (this.filter.states?.has(state) === false || startedAt < (this.filter.since ?? 0)) return undefined;
    this.shown.push(run);
    return {
      id,
      state,
      pausedBy,
      waiting,
      items,
      ok,
      failed,
      skipped,
      startedAt,
      endedAt: closeTime?.getTime(),
      input,
    };
  }

  /** Asked only if it helps. */
  private async isIndexed(): Promise<boolean> {
    const { states, model } = this.filter;
    return (states !== undefined || model !== undefined) && (await this.session.batches.hasSearchAttributes());
  }

  private isWantedModel(run: RunExecution, memo: RunMemo): boolean {
    const { model } = this.filter;
    return model === undefined || model === (run.model ?? modelOf(memo));
  }

  private isWantedInput(input: string | undefined): boolean {
    return this.filter.input === undefined || input?.toLowerCase().includes(this.filter.input) === true;
  }

  /** A list of some states only does not show whether an ended run was begun again under its id: that is asked. */
  private async isNewest({ workflowId, runId, closeTime }: RunExecution): Promise<boolean> {
    if (this.filter.states === undefined || closeTime === undefined) return true;
    const newest = await this.session.batches.handle(workflowId).describe();
    return newest === undefined || newest.runId === runId;
  }

  private async standing(run: RunExecution, ended: RunMemo['ended']): Promise<Standing> {
    switch (run.status.name) {
      case 'RUNNING':
        return await this.underWay(run);
      case 'COMPLETED':
        // The result, unlike the memo, knows when a run of several executions was begun.
        return { ...((await this.resultOf(run)) ?? ended ?? (await this.ledgerOf(run))), state: 'completed' };
      case 'CANCELLED':
      case 'TERMINATED':
        return { ...(ended ?? (await this.ledgerOf(run))), state: 'cancelled' };
      default:
        return { ...(ended ?? (await this.ledgerOf(run))), state: 'failed' };
    }
  }

  private async underWay({ workflowId, unreadable }: RunExecution): Promise<Standing> {
    // What its worker would answer could not be read either.
    if (unreadable !== undefined) return { state: 'running' };
    const asked = await this.asker.ask(this.session.batches.handle(workflowId));
    if (asked === 'no-worker') return { state: asked };
    if (asked === 'not-asked') {
      this.notAsked++;
      return { state: 'running' };
    }
    const { state, pausedBy, waiting, items, ok, failed, skipped, startedAt } = asked;
    // A run that still reads its input does not know its items; the command that started it did.
    return { state, pausedBy, waiting, ok, failed, skipped, startedAt, ...(items === 0 ? {} : { items }) };
  }

  /** What a run came to, from the server: its storage may be out of reach from here. */
  private async resultOf({ workflowId, runId }: RunExecution): Promise<Counted | undefined> {
    const result: unknown = await this.session.batches
      .handle(workflowId, runId)
      .result()
      .catch(() => undefined);
    return countedSchema.safeParse(result).data;
  }

  private async ledgerOf({ workflowId }: RunExecution): Promise<Counted | undefined> {
    return await readLedger(this.storage, workflowId).catch(() => undefined);
  }
}

const count = z.number();

/** What a list shows of a run's summary. */
const countedSchema = z.object({ items: count, ok: count, failed: count, skipped: count.optional(), startedAt: count });
type Counted = z.infer<typeof countedSchema>;

/** How a run stands; why it does not go on is known of an unfinished one. */
type Standing = Partial<Counted> & {
  readonly state: ListedState;
  readonly pausedBy?: Progress['pausedBy'];
  readonly waiting?: Progress['waiting'];
};
