import type { WorkflowExecutionInfo } from '@temporalio/client';
import { z } from 'zod';
import type { Storage } from '../storage/storage.js';
import { ProgressAsker } from './ask-progress.js';
import { readLedger } from './deliver.js';
import type { Io } from './io.js';
import { mapInOrder } from './map-in-order.js';
import { type ListedState, type RunFilter, runFilterOf, serverConditions } from './run-filter.js';
import type { ListFlags } from './run-flags.js';
import { type RunMemo, runMemoSchema } from './run-memo.js';
import type { Session } from './session.js';
import { withSession } from './show-runs.js';
import { type RunRow, runsTable } from './terminal/tables.js';

/** Runs that are asked about at once. */
const AT_ONCE = 8;

/** How long all runs under way together may take to answer, ms. */
const ANSWERS_MS = 2_000;

/** Prints the runs that the flags ask for: those under way, then the last to end. */
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

  constructor(
    private readonly session: Session,
    private readonly storage: Storage,
    private readonly filter: RunFilter,
  ) {}

  /** A row a run, as soon as it is known. */
  async *rows(): AsyncGenerator<RunRow, void, undefined> {
    const runs = this.session.batches.list(serverConditions(this.filter));
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
    return [
      ...(this.hasMore ? [`there are more than ${limit}: --limit shows further ones, --all every one`] : []),
      ...(this.notAsked === 0 ? [] : [`not all runs under way could be asked how they go within ${ANSWERS_MS} ms`]),
    ];
  }

  private async rowOf(run: WorkflowExecutionInfo): Promise<RunRow | undefined> {
    const { workflowId: id, startTime, closeTime } = run;
    // A run that another program started may have any memo.
    const memo = runMemoSchema.safeParse(run.memo ?? {}).data ?? {};
    const { input } = memo;
    if (this.seen.has(id) || !this.isWantedInput(input)) return undefined;
    this.seen.add(id);
    if (!(await this.isNewest(run))) return undefined;
    const standing = await this.standing(run, memo.ended);
    const { state, ok, failed, skipped, items = memo.items, startedAt = startTime.getTime() } = standing;
    if (this.filter.states?.has(state) === false || startedAt < (this.filter.since ?? 0)) return undefined;
    return { id, state, items, ok, failed, skipped, startedAt, endedAt: closeTime?.getTime(), input };
  }

  private isWantedInput(input: string | undefined): boolean {
    return this.filter.input === undefined || input?.toLowerCase().includes(this.filter.input) === true;
  }

  /** A list of some states only does not show whether an ended run was begun again under its id: that is asked. */
  private async isNewest({ workflowId, runId, closeTime }: WorkflowExecutionInfo): Promise<boolean> {
    if (this.filter.states === undefined || closeTime === undefined) return true;
    const newest = await this.session.batches.handle(workflowId).describe();
    return newest === undefined || newest.runId === runId;
  }

  private async standing(run: WorkflowExecutionInfo, ended: RunMemo['ended']): Promise<Standing> {
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

  private async underWay({ workflowId }: WorkflowExecutionInfo): Promise<Standing> {
    const asked = await this.asker.ask(this.session.batches.handle(workflowId));
    if (asked === 'no-worker') return { state: asked };
    if (asked === 'not-asked') {
      this.notAsked++;
      return { state: 'running' };
    }
    const { state, items, ok, failed, skipped, startedAt } = asked;
    // A run that still reads its input does not know its items; the command that started it did.
    return { state, ok, failed, skipped, startedAt, ...(items === 0 ? {} : { items }) };
  }

  /** What a run came to, from the server: its storage may be out of reach from here. */
  private async resultOf({ workflowId, runId }: WorkflowExecutionInfo): Promise<Counted | undefined> {
    const result: unknown = await this.session.batches
      .handle(workflowId, runId)
      .result()
      .catch(() => undefined);
    return countedSchema.safeParse(result).data;
  }

  private async ledgerOf({ workflowId }: WorkflowExecutionInfo): Promise<Counted | undefined> {
    return await readLedger(this.storage, workflowId).catch(() => undefined);
  }
}

const count = z.number();

/** What a list shows of a run's summary. */
const countedSchema = z.object({ items: count, ok: count, failed: count, skipped: count.optional(), startedAt: count });
type Counted = z.infer<typeof countedSchema>;

type Standing = Partial<Counted> & { readonly state: ListedState };
