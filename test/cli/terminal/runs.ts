import { Writable } from 'node:stream';
import type { ModelProgress, Progress } from '../../../src/batch/progress.js';
import { NO_PROGRESS } from '../../../src/batch/run-view.js';
import type { RunSummary } from '../../../src/batch/summary.js';

/** When the runs of these tests start. */
export const START = Date.UTC(2026, 0, 31, 12, 0, 0);

/** A model that has done something. */
export function modelAt(id: string, facts: Partial<ModelProgress> = {}): ModelProgress {
  return { id, modality: 'text', nodes: 4, sent: 0, ok: 0, failed: 0, fallbacks: 0, tokens: 0, down: false, ...facts };
}

/** A snapshot of a run of 1,000 items that has just begun. */
export function progressAt(facts: Partial<Progress> = {}): Progress {
  return {
    ...NO_PROGRESS,
    state: 'running',
    items: 1000,
    chunks: { total: 2, started: 1, done: 0 },
    permits: { total: 10, used: 10 },
    startedAt: START,
    ...facts,
  };
}

/** What a run of 1,000 items came to. */
export function summaryAt(facts: Partial<RunSummary> = {}): RunSummary {
  return {
    runId: 'batch-1',
    state: 'completed',
    outcome: 'all',
    items: 1000,
    ok: 990,
    failed: 10,
    skipped: 0,
    cancelled: 0,
    empty: 0,
    wastedTokens: 0,
    retries: 0,
    failedByKind: { timeout: 3, '503': 7 },
    truncated: 2,
    tokens: 1_234_567,
    requests: 1020,
    fallbacks: 5,
    startedAt: START,
    endedAt: START + 100_000,
    models: [modelAt('qwen3.5:9b', { ok: 990, failed: 10, fallbacks: 5 }), modelAt('idle:1b')],
    ...facts,
  };
}

/** A stream that keeps what is written to it, of a size that can change. */
export class Recorder extends Writable {
  columns = 80;
  rows = 24;
  readonly writes: string[] = [];
  onWrite: (text: string) => void = () => undefined;

  get text(): string {
    return this.writes.join('');
  }

  /** Whole lines; throws when the last one has no end. */
  get lines(): string[] {
    const lines = this.text.split('\n');
    if (lines.pop() !== '') throw new Error('the last line has no end');
    return lines;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.writes.push(chunk.toString());
    this.onWrite(chunk.toString());
    done();
  }
}
