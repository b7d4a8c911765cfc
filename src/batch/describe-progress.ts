import { linesOf } from './counts.js';
import { codeMarkdown, plainMarkdown } from './markdown.js';
import type { ModelProgress, Progress } from './progress.js';
import { shellWord } from './shell-word.js';

/** Progress as Markdown, for the workflow's current details in the Temporal Web UI. */
export function describeProgress(runId: string, progress: Progress): string {
  return [
    headline(progress),
    ...reasonLines(progress),
    '',
    whatToDo(runId, progress),
    '',
    ...factLines(progress),
    '',
    ...modelLines(progress.models),
    ...failureLines(progress),
  ].join('\n');
}

function headline(progress: Progress): string {
  const { state, items, ok, failed, skipped, reused = 0 } = progress;
  const done = linesOf(progress);
  const percent = items === 0 ? 0 : Math.floor((100 * done) / items);
  const left = skipped === 0 ? '' : ` · ${skipped} skipped`;
  const taken = reused === 0 ? '' : ` (${reused} reused)`;
  return `**${state}** · ${done} of ${items} items (${percent} %) · ${ok} ok${taken} · ${failed} failed${left}`;
}

function reasonLines({ reason, waiting, notes = [] }: Progress): string[] {
  const times = waiting === undefined ? '' : ` (since ${clock(waiting.since)}, next try ${clock(waiting.until)})`;
  const lines = reason === undefined ? [] : ['', `> ${plainMarkdown(reason)}${times}`];
  return [...lines, ...notes.flatMap((note) => ['', plainMarkdown(note)])];
}

/** A time of day, UTC. */
function clock(time: number | undefined): string {
  return time === undefined ? '?' : `${new Date(time).toISOString().slice(11, 19)} UTC`;
}

function factLines(progress: Progress): string[] {
  const { tokens, cachedTokens = 0, requests, retries, permits, chunks, latency, rates, spending } = progress;
  const cached = cachedTokens === 0 ? '' : `, ${cachedTokens} from a cache`;
  const { maxTotalTokens, credits, maxCredits } = spending;
  const speed = [
    ...(rates.requestsPerSecond === undefined ? [] : [`${rates.requestsPerSecond.toFixed(1)} requests/s`]),
    ...(rates.etaMs === undefined ? [] : [`about ${Math.max(1, Math.round(rates.etaMs / 60_000))} min left`]),
    ...(latency === undefined
      ? []
      : [`answers take ${seconds(latency.p50Ms)} (half), ${seconds(latency.p95Ms)} (95 %)`]),
  ];
  const limits = [
    ...(maxTotalTokens === undefined ? [] : [`${spending.tokens} of ${maxTotalTokens} tokens spent`]),
    ...(credits === undefined
      ? []
      : [`${round(credits)}${maxCredits === undefined ? '' : ` of ${maxCredits}`} credits spent`]),
  ];
  return [
    `${tokens} tokens${cached} · ${requests} requests, ${retries} of them retries · ${permits.used} of ${permits.total} permits · chunks ${chunks.done} done, ${chunks.started} started, ${chunks.total} in all`,
    ...(speed.length === 0 ? [] : ['', speed.join(' · ')]),
    ...(limits.length === 0 ? [] : ['', limits.join(' · ')]),
  ];
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function round(credits: number): number {
  return Math.round(credits * 100) / 100;
}

function modelLines(models: readonly ModelProgress[]): string[] {
  return [
    // No-break spaces: the Web UI's tables have no room between their columns.
    '| model | \u00a0nodes | \u00a0sent | \u00a0ok | \u00a0failed | \u00a0fallbacks | \u00a0tokens |',
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...models.map(
      ({ id, down, nodes, sent, ok, failed, fallbacks, tokens }) =>
        `| ${plainMarkdown(id)}${down ? ' (down)' : ''} | ${nodes} | ${sent} | ${ok} | ${failed} | ${fallbacks} | ${tokens} |`,
    ),
  ];
}

function failureLines({ lastFailures }: Progress): string[] {
  const lines = lastFailures.map(({ item, model, error }) => `- #${item} ${plainMarkdown(`${model}: ${error}`)}`);
  return lines.length === 0 ? [] : ['', 'Newest failures:', ...lines];
}

/** What an operator who has only this page can do next. */
function whatToDo(runId: string, { state, pausedBy, failed }: Progress): string {
  const command = (words: string): string => codeMarkdown(`dria-temporal ${words}`);
  if (state === 'completed') {
    const again = failed === 0 ? '' : ` Ask the failed items again: ${command(`retry ${shellWord(runId)}`)}.`;
    return `Results: ${command(`results ${shellWord(runId)} -o results.jsonl`)}.${again}`;
  }
  if (state === 'failed' || state === 'cancelled') {
    const answers = command(`results ${shellWord(runId)} --partial`);
    return `Answers are kept: ${answers}. The command that started the run goes on with them.`;
  }
  if (state === 'paused' && pausedBy === 'budget') {
    return 'To go on, raise the limit with the update `set`, as in `{"maxTotalTokens": 1000000}`; or cancel the workflow: its answers are kept.';
  }
  if (state === 'paused') return 'To go on, send the update `resume`; or cancel the workflow: its answers are kept.';
  return 'Updates: `pause`, `resume`, `set`. Cancelling the workflow keeps its answers.';
}
