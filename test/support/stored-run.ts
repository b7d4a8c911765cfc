import { Readable } from 'node:stream';
import type { Counts } from '../../src/batch/counts.js';
import { addCounts, countFailure, countModel, NO_COUNTS } from '../../src/batch/counts.js';
import { type AnswerFacts, type FailureFacts, partFacts } from '../../src/batch/part-facts.js';
import type { RunSummary } from '../../src/batch/summary.js';
import { scanInput } from '../../src/input/scan.js';
import type { Storage } from '../../src/storage/storage.js';
import { putPart } from '../../src/store/parts.js';
import { inputKey } from '../../src/store/run-directory.js';
import { putSettings } from '../../src/store/settings.js';
import { stageInput } from '../../src/store/stage.js';
import { putSummary } from '../../src/store/summary.js';

/** An item as it is to be found in storage. */
export interface StoredItem {
  readonly prompt: string;
  readonly model: string;
  /** An answer, unless there is an error. */
  readonly output?: string;
  readonly error?: string;
  readonly tokens?: number;
  readonly at?: number;
  readonly ms?: number;
}

/** A run that has ended, to be written without running it. */
export interface StoredRun {
  readonly id: string;
  readonly items: number;
  readonly chunkSize: number;
  readonly item: (index: number) => StoredItem;
}

/** Writes the run directory that such a run leaves: staged input, settings, parts with counts and facts, summary. */
export async function storeRun(storage: Storage, run: StoredRun): Promise<void> {
  const lines = Array.from({ length: run.items }, (_, index) => JSON.stringify({ prompt: run.item(index).prompt }));
  const input = Buffer.from(`${lines.join('\n')}\n`);
  const source = async function* () {
    yield input;
  };
  const attachments = { folder: '/dev/null', roots: [], maxBytes: 1 };
  const { chunkSize } = run;
  const scan = await scanInput({ source: source(), name: run.id, attachments, chunkSize, skipInvalid: false });
  await stageInput(storage, run.id, scan, source);
  const stored = { ...attachments, staged: false };
  await putSettings(storage, run.id, {
    version: 1,
    input: inputKey(scan.manifest.sha256),
    attachments: stored,
    detail: false,
    repair: true,
    groupPrefix: false,
  });
  let counts = NO_COUNTS;
  for (const { chunk, first } of scan.manifest.chunks)
    counts = addCounts(counts, await storePart(storage, run, chunk, first));
  await putSummary(storage, run.id, summaryOf(run, counts));
}

async function storePart(storage: Storage, run: StoredRun, chunk: number, first: number): Promise<Counts> {
  const items = Math.min(run.chunkSize, run.items - first);
  const answers = new Map<number, AnswerFacts>();
  const failures: FailureFacts[] = [];
  let counts = NO_COUNTS;
  const lines = Array.from({ length: items }, (_, position) => {
    const item = first + position;
    const { model, output, error, tokens = 0, at, ms } = run.item(item);
    const line = { id: item + 1, model };
    if (error !== undefined) {
      failures.push({ item, attempts: 4, tried: [model] });
      counts = countFailure(counts, model, error);
      return `${JSON.stringify({ ...line, error })}\n`;
    }
    answers.set(item, { at, ms });
    counts = countModel({ ...counts, ok: counts.ok + 1, tokens: counts.tokens + tokens }, model, { ok: 1, tokens });
    return `${JSON.stringify({ ...line, output, tokens })}\n`;
  });
  const facts = partFacts(first, items, answers, failures);
  await putPart(storage, run.id, chunk, {
    lines: Readable.from(lines.map((line) => Buffer.from(line))),
    facts,
    counts,
  });
  return counts;
}

function summaryOf({ id, items }: StoredRun, counts: Counts): RunSummary {
  const { latency: _latency, models: byModel, ...figures } = counts;
  const models = Object.entries(byModel).map(([model, more]) => ({
    ...more,
    id: model,
    modality: 'text' as const,
    nodes: 10,
    down: false,
  }));
  const times = { startedAt: 1_800_000_000_000, endedAt: 1_800_003_600_000 };
  return {
    ...figures,
    runId: id,
    state: 'completed',
    outcome: 'all',
    items,
    cancelled: 0,
    requests: items,
    fallbacks: 0,
    ...times,
    models,
  };
}
