import type { Range } from '../../batch/projection.js';
import { formatCount, formatDuration, formatItems, formatShort } from './format.js';
import { clean, clip } from './text.js';

/** Width that a page is written for. */
const WIDTH = 80;

/** An item of a canary with what became of it. */
export interface CanarySample {
  /** 0-based index in the input. */
  readonly item: number;
  readonly prompt: string;
  readonly model: string;
  /** Absent for one that failed. */
  readonly output?: string;
}

/** What a canary tells. */
export interface CanaryReview {
  readonly asked: number;
  readonly ok: number;
  readonly failed: number;
  readonly items: number;
  readonly permits: number;
  readonly samples: readonly CanarySample[];
  /** Of the newest failures one line each. */
  readonly failures: readonly string[];
  /** What the whole run comes to, as far as the canary tells; absent where it does not. */
  readonly tokens?: Range | undefined;
  readonly credits?: Range | undefined;
  /** Requests a second of the whole run, and its time from now, ms. */
  readonly rate?: Range | undefined;
  readonly etaMs?: Range | undefined;
}

/** A canary as a page of text without a line end at its end, within 80 columns. */
export function canaryView(review: CanaryReview): string {
  const { asked, ok, failed, items, samples, failures } = review;
  return [
    `Canary: ${formatCount(asked)} of ${formatItems(items)} asked, ${formatCount(ok)} ok, ${formatCount(failed)} failed.`,
    '',
    ...samples.flatMap(sampleLines),
    ...failures.map((line) => clip(line, WIDTH)),
    ...(failures.length === 0 ? [] : ['']),
    ...wholeLines(review),
  ].join('\n');
}

function sampleLines({ item, prompt, model, output }: CanarySample): string[] {
  const answer = output === undefined ? 'no answer' : clean(output);
  return [
    clip(`  #${item}  ${clean(prompt)}`, WIDTH),
    clip(`    → ${answer}`, WIDTH),
    clip(`      ${clean(model)}`, WIDTH),
    '',
  ];
}

function wholeLines({ tokens, credits, rate, etaMs, permits }: CanaryReview): string[] {
  return [
    'The whole run, as far as this tells:',
    ...(tokens === undefined ? [] : [`  Tokens   ${between(tokens, formatShort)}`]),
    ...(credits === undefined ? [] : [`  Credits  ${between(credits, (value) => formatCount(Math.ceil(value)))}`]),
    ...(rate === undefined
      ? []
      : [`  Rate     ${between(rate, (value) => value.toFixed(1))} requests/s on ${formatCount(permits)} permits`]),
    ...(etaMs === undefined ? [] : [`  Time     ${between(etaMs, formatDuration)}`]),
  ];
}

function between({ low, high }: Range, format: (value: number) => string): string {
  const [least, most] = [format(Math.round(low * 100) / 100), format(Math.round(high * 100) / 100)];
  return least === most ? `about ${least}` : `${least} to ${most}`;
}
