import type { ModelProgress, Progress, Rates } from '../../batch/progress.js';
import { formatCount, formatDuration, formatRate, formatShort, percentOf } from './format.js';
import { clean } from './text.js';

/** A run in one line of plain text, for a log. */
export function plainLine(progress: Progress, rates: Rates, now: number): string {
  const { state, reason, items, ok, failed, reused = 0 } = progress;
  const done = ok + failed;
  const facts = [
    `${state} ${formatCount(done)}/${formatCount(items)} (${percentOf(done, items)}%)`,
    ...(reason === undefined ? [] : [clean(reason)]),
    `${formatCount(ok)} ok${reused === 0 ? '' : ` (${formatCount(reused)} reused)`}`,
    `${formatCount(failed)} failed`,
    ...speedFacts(progress, rates),
    `elapsed ${formatDuration(now - progress.startedAt)}`,
    ...(rates.etaMs === undefined ? [] : [`ETA ${formatDuration(rates.etaMs)}`]),
    ...(progress.models.length === 0 ? [] : [progress.models.map(modelFact).join(', ')]),
  ];
  return facts.join(' · ');
}

/** Requests and tokens, with their rates when they are known. */
export function speedFacts({ tokens, requests }: Progress, rates: Rates): string[] {
  const { requestsPerSecond: sent, tokensPerSecond: read } = rates;
  return [
    sent === undefined ? `${formatCount(requests)} requests` : `${formatRate(sent)} req/s`,
    `${formatShort(tokens)} tokens${read === undefined ? '' : ` (${formatShort(Math.round(read))}/s)`}`,
  ];
}

function modelFact({ id, ok, failed, fallbacks, down }: ModelProgress): string {
  const more = [
    ...(failed > 0 ? [`${formatCount(failed)} failed`] : []),
    ...(fallbacks > 0 ? [`${formatCount(fallbacks)} fallbacks`] : []),
    ...(down ? ['down'] : []),
  ];
  return `${clean(id)} ${formatCount(ok)}${more.length === 0 ? '' : ` (${more.join(', ')})`}`;
}
