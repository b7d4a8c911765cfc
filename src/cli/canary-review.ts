import { createInterface } from 'node:readline/promises';
import { decodeItems } from '../batch/item-ranges.js';
import { chunkOf } from '../batch/manifest.js';
import type { Progress } from '../batch/progress.js';
import { projectSum, type Range } from '../batch/projection.js';
import type { BatchHandle } from '../client.js';
import type { Storage } from '../storage/storage.js';
import { readAnswerText } from '../store/answers.js';
import { readStagedManifest } from '../store/manifest.js';
import type { AnswerSummary } from '../store/outcome-index.js';
import { packItems } from '../store/pack-items.js';
import { readOutcomes } from '../store/segments.js';
import { readStoredSettings } from '../store/settings.js';
import { UserError } from './errors.js';
import type { Io } from './io.js';
import type { BatchFlags } from './run-flags.js';
import { throughAbsence } from './server-away.js';
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
export function checkCanary(
  { canary, yes, onPause }: Pick<BatchFlags, 'canary' | 'yes' | 'onPause'>,
  inputs: readonly string[],
  { stdin }: Io,
): void {
  if (canary === undefined || yes || onPause !== undefined || (stdin.isTTY === true && !inputs.includes('-'))) return;
  throw new UserError('--canary asks before it goes on, and there is no terminal to answer', {
    exitCode: 2,
    hint: 'Give --yes to go on without asking, or --on-pause exit to leave then.',
  });
}

/** How the review of a canary came out; `unasked` when nobody is there to answer, and the run stays paused. */
export type Reviewed = 'goes-on' | 'declined' | 'unasked';

/**
 * Shows what the canary came to, and resumes the run when a person agrees, or agreed beforehand to a canary of which at
 * least one item was answered. A run of which nothing is answered spends on errors alone.
 */
export async function reviewCanary({ handle, storage, yes, io }: CanaryVisit, progress: Progress): Promise<Reviewed> {
  io.stderr.write(`${canaryView(await reviewOf(storage, handle.id, progress))}\n\n`);
  const isAgreed = yes && progress.ok > 0;
  if (!isAgreed && io.stdin.isTTY !== true) return 'unasked';
  if (!isAgreed && !(await asks('Go on with the whole run? [y/N] ', io))) return 'declined';
  await throughAbsence(() => handle.resume(), io.interrupt);
  return 'goes-on';
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
  const { items, permits, ok, failed, spending, lastFailures } = progress;
  const asked = decodeItems(progress.canary?.items ?? '');
  const answers = await answersOf(storage, run, asked);
  const times = [...answers.values()].flatMap(({ ms }) => (ms === undefined ? [] : [ms]));
  const left = items - asked.length;
  const etaMs = scaled(projectSum(times, left), 1 / Math.min(permits.total, Math.max(1, left)));
  const tokens = projectSum(
    [...answers.values()].map(({ result }) => result.tokens),
    items,
  );
  return {
    asked: asked.length,
    ok,
    failed,
    items,
    permits: permits.total,
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

async function answersOf(storage: Storage, run: string, asked: readonly number[]): Promise<Map<number, AnswerSummary>> {
  const manifest = await readStagedManifest(storage, run);
  const chunks = new Set(asked.flatMap((item) => chunkOf(manifest?.chunks ?? [], item)?.chunk ?? []));
  const answers = new Map<number, AnswerSummary>();
  for (const chunk of chunks) {
    for (const [item, answer] of (await readOutcomes(storage, run, chunk)).answers) answers.set(item, answer);
  }
  return answers;
}

async function samplesOf(
  storage: Storage,
  run: string,
  asked: readonly number[],
  answers: ReadonlyMap<number, AnswerSummary>,
): Promise<CanarySample[]> {
  const step = Math.max(1, asked.length / SAMPLES);
  const shown = [...new Set(Array.from({ length: SAMPLES }, (_, n) => asked[Math.floor(n * step)]))];
  const items = shown.filter((item) => item !== undefined);
  const samples: CanarySample[] = [];
  for await (const { item, prompt } of packItems(storage, run, items, readStoredSettings(storage, run))) {
    const answer = answers.get(item);
    const output = answer === undefined ? undefined : await readAnswerText(storage, answer);
    samples.push({ item, prompt, model: answer?.result.model ?? '', ...(output === undefined ? {} : { output }) });
  }
  return samples;
}
