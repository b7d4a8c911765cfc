import { createInterface } from 'node:readline/promises';
import { packItems } from '../activities/pack-items.js';
import { readSegments, type SegmentRecord } from '../activities/segments.js';
import { readItemPlaces } from '../activities/settings.js';
import { decodeItems } from '../batch/item-ranges.js';
import type { Progress } from '../batch/progress.js';
import { projectSum, type Range } from '../batch/projection.js';
import type { BatchHandle } from '../client.js';
import { readStagedManifest } from '../input/stage.js';
import type { Storage } from '../storage/storage.js';
import { UserError } from './errors.js';
import type { Io } from './io.js';
import type { BatchFlags } from './run-flags.js';
import { type CanaryReview, type CanarySample, canaryView } from './terminal/canary-view.js';
import { failureLine } from './terminal/status-view.js';

/** Answers that a person is shown. */
const SAMPLES = 5;

/** A canary that has ended, to be looked at. */
export interface CanaryVisit {
  readonly handle: BatchHandle;
  readonly storage: Storage;
  /** Go on without asking. */
  readonly yes: boolean;
  readonly io: Io;
}

/** True when the run waits for a person to look at its canary. */
export function isInReview({ pausedBy, canary }: Progress): boolean {
  return pausedBy === 'canary' && canary?.phase === 'review';
}

/** Throws a `UserError` for a canary after which nobody could be asked. */
export function checkCanary({ canary, yes }: Pick<BatchFlags, 'canary' | 'yes'>, file: string, { stdin }: Io): void {
  if (canary === undefined || yes || (stdin.isTTY === true && file !== '-')) return;
  throw new UserError('--canary asks before it goes on, and there is no terminal to answer', {
    exitCode: 2,
    hint: 'Give --yes to go on without asking.',
  });
}

/** Shows what the canary came to and goes on with the run, or leaves it paused. Returns whether it goes on. */
export async function reviewCanary({ handle, storage, yes, io }: CanaryVisit, progress: Progress): Promise<boolean> {
  io.stderr.write(`${canaryView(await reviewOf(storage, handle.id, progress))}\n\n`);
  const goesOn = yes || (await asks('Go on with the whole run? [y/N] ', io));
  if (goesOn) await handle.resume();
  return goesOn;
}

async function asks(question: string, { stdin, stderr, interrupt }: Io): Promise<boolean> {
  const lines = createInterface({ input: stdin, output: stderr, terminal: stdin.isTTY === true });
  const left = new AbortController();
  // On a terminal the lines' reader gets Ctrl-C instead of the process.
  lines.on('SIGINT', () => left.abort());
  lines.on('close', () => left.abort());
  try {
    const answer = await lines.question(question, { signal: AbortSignal.any([left.signal, interrupt]) });
    return /^y(es)?$/i.test(answer.trim());
  } catch {
    stderr.write('\n');
    return false;
  } finally {
    lines.close();
  }
}

async function reviewOf(storage: Storage, run: string, progress: Progress): Promise<CanaryReview> {
  const { items, lanes, ok, failed, spending, lastFailures } = progress;
  const asked = decodeItems(progress.canary?.items ?? '');
  const answers = await answersOf(storage, run, asked);
  const times = [...answers.values()].flatMap(({ ms }) => (ms === undefined ? [] : [ms]));
  const left = items - asked.length;
  const etaMs = scaled(projectSum(times, left), 1 / Math.min(lanes.total, Math.max(1, left)));
  const tokens = projectSum(
    [...answers.values()].map(({ result }) => result.tokens),
    items,
  );
  return {
    asked: asked.length,
    ok,
    failed,
    items,
    lanes: lanes.total,
    samples: await samplesOf(storage, run, asked, answers),
    failures: lastFailures.map(failureLine),
    tokens,
    credits: creditsOf(tokens, spending),
    rate: etaMs === undefined ? undefined : { low: perSecond(left, etaMs.high), high: perSecond(left, etaMs.low) },
    etaMs,
  };
}

/** Credits go with tokens, at the price that the canary has paid. */
function creditsOf(tokens: Range | undefined, { credits, tokens: spent }: Progress['spending']): Range | undefined {
  return credits === undefined || credits === 0 || spent === 0 ? undefined : scaled(tokens, credits / spent);
}

function scaled(range: Range | undefined, factor: number): Range | undefined {
  return range === undefined ? undefined : { low: range.low * factor, high: range.high * factor };
}

function perSecond(count: number, ms: number): number {
  return ms === 0 ? 0 : (count * 1000) / ms;
}

async function answersOf(storage: Storage, run: string, asked: readonly number[]): Promise<Map<number, SegmentRecord>> {
  const manifest = await readStagedManifest(storage, run);
  const chunks = new Set(asked.map((item) => Math.floor(item / (manifest?.chunkSize ?? 1))));
  const answers = new Map<number, SegmentRecord>();
  for (const chunk of chunks) {
    for (const records of (await readSegments(storage, run, chunk)).values()) {
      for (const record of records) answers.set(record.item, record);
    }
  }
  return answers;
}

async function samplesOf(
  storage: Storage,
  run: string,
  asked: readonly number[],
  answers: ReadonlyMap<number, SegmentRecord>,
): Promise<CanarySample[]> {
  const step = Math.max(1, asked.length / SAMPLES);
  const shown = [...new Set(Array.from({ length: SAMPLES }, (_, n) => asked[Math.floor(n * step)]))];
  const items = shown.filter((item) => item !== undefined);
  const samples: CanarySample[] = [];
  for await (const { item, prompt } of packItems(storage, run, items, readItemPlaces(storage, run))) {
    const result = answers.get(item)?.result;
    const output = typeof result?.output === 'string' ? { output: result.output } : {};
    samples.push({ item, prompt, model: result?.model ?? '', ...output });
  }
  return samples;
}
