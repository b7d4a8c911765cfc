import { condition, type ExternalWorkflowHandle, log } from '@temporalio/workflow';
import { type ChunkState, tokensLeft } from '../batch/chunk-state.js';
import { countLayout } from '../batch/layout.js';
import type { ChunkManifest } from '../batch/manifest.js';
import type { Modality } from '../batch/modality.js';
import type { ModelTable } from '../batch/model-table.js';
import type { ChunkReport } from '../batch/reports.js';
import { chunkReportSignal } from './messages.js';

/** Reports that tell of progress alone, at most, over a chunk's whole life. */
const PROGRESS_REPORTS = 20;

/** Failures a report carries. */
const LAST_FAILURES = 5;

/** What a report is made of. */
export interface ChunkFacts {
  readonly state: ChunkState;
  /** Number of the newest change that the chunk has heard of. */
  readonly revision: number;
  readonly inFlight: number;
  /** Items that could be in a pack now. */
  readonly open: number;
  /** When stranded items are looked at again, epoch ms. */
  readonly lookAt: number;
}

/** Tells the parent what it needs to know, one signal at a time, so that what happens meanwhile is told together. */
export class ChunkReporter {
  private sent: ChunkReport | undefined;
  private sentState: ChunkState | undefined;
  private sending = false;
  private readonly step: number;

  constructor(
    private readonly chunk: ChunkManifest,
    private readonly parent: ExternalWorkflowHandle,
    private readonly facts: () => ChunkFacts,
    /** The models as the parent knows them. */
    private known: ModelTable,
  ) {
    const { text, vision, audio } = countLayout(chunk.layout);
    this.step = Math.max(1, Math.ceil((text + vision + audio) / PROGRESS_REPORTS));
  }

  /** The parent knows these models: it has told of them itself. */
  knows(models: ModelTable): void {
    this.known = models;
  }

  /** Sends a report when there is something to tell and none is on its way. */
  look(): void {
    if (this.sending || !this.due(this.facts())) return;
    this.sending = true;
    this.send()
      .catch((error: unknown) => {
        // The parent is gone or going: its close policy ends this chunk, a report more would change nothing.
        log.debug('report not delivered', { error });
      })
      .finally(() => {
        this.sending = false;
        this.look();
      });
  }

  /** Sends a report whatever there is to tell, and waits until it is delivered. */
  async tell(): Promise<void> {
    await this.quiet();
    await this.send();
  }

  /** Waits until no report is on its way. */
  async quiet(): Promise<void> {
    await condition(() => !this.sending);
  }

  private async send(): Promise<void> {
    const facts = this.facts();
    const report = this.report(facts);
    this.sent = report;
    this.sentState = facts.state;
    this.known = facts.state.models;
    await this.parent.signal(chunkReportSignal, report);
  }

  private due({ state, open, inFlight }: ChunkFacts): boolean {
    const { sent } = this;
    const done = state.counts.ok + state.counts.failed;
    const doneBefore = sent === undefined ? 0 : sent.counts.ok + sent.counts.failed;
    const short = shortOf(state);
    // What the last packs before a pause have done, however little: nothing more would come to be told with it.
    const wentQuiet = state.paused && inFlight === 0 && (sent === undefined || sent.inFlight > 0 || done > doneBefore);
    const starved = !state.paused && open > 0 && inFlight >= state.granted - state.returned;
    return (
      done - doneBefore >= this.step ||
      wentQuiet ||
      state.returned !== (sent?.returned ?? 0) ||
      state.stop !== this.sentState?.stop ||
      state.models !== this.known ||
      state.stranded.length > 0 !== (sent?.stranded !== undefined) ||
      (starved && sent !== undefined && sent.open === 0) ||
      (short !== undefined && (short !== sent?.shortOf || (inFlight === 0 && sent.inFlight > 0)))
    );
  }

  private report({ state, revision, inFlight, open, lookAt }: ChunkFacts): ChunkReport {
    const short = shortOf(state);
    const report: ChunkReport = {
      chunk: this.chunk.chunk,
      revision,
      returned: state.returned,
      inFlight,
      open,
      counts: state.counts,
      latency: state.latency,
      lastFailures: state.failures.slice(-LAST_FAILURES),
    };
    const modalities = [...new Set(state.stranded.map(({ modality }): Modality => modality))];
    return {
      ...report,
      ...(modalities.length > 0 ? { stranded: { modalities, lookAt } } : {}),
      ...(state.models !== this.known ? { models: state.models } : {}),
      ...(short === undefined ? {} : { shortOf: short }),
      // Once: a report that repeats it after the run was resumed would pause it again.
      ...(state.stop !== undefined && state.stop !== this.sentState?.stop ? { stop: state.stop } : {}),
    };
  }
}

/** The allowance of a chunk that may spend nothing more of it, and has something to spend it on. */
function shortOf(state: ChunkState): number | undefined {
  const isShort = !state.paused && state.queues.length > 0 && tokensLeft(state) === 0;
  return isShort ? state.allowance : undefined;
}
