import type { Price } from './endpoint-rules.js';
import { MAX_COUNT } from './numbers.js';

/** Billionths of a dollar in a dollar: costs are whole numbers of them, so that sums are exact in any order. */
const NANO = 1e9;

/** Billionths of a dollar that a token costs at a dollar per million tokens. */
const NANO_PER_TOKEN = NANO / 1e6;

/** Tokens of one request. */
export interface UsedTokens {
  readonly prompt: number;
  readonly completion: number;
  /** Those of the prompt that came from the endpoint's cache. */
  readonly cached?: number | undefined;
}

/** Returns what a request costs, in billionths of a dollar, rounded up. */
export function costOf(price: Price, { prompt, completion, cached = 0 }: UsedTokens): number {
  const fromCache = Math.min(cached, prompt);
  const dollars =
    (prompt - fromCache) * price.input + fromCache * (price.cached ?? price.input) + completion * price.output;
  return Math.min(Math.ceil(dollars * NANO_PER_TOKEN), MAX_COUNT);
}

/** Returns the dollars of billionths. */
export function dollarsOf(cost: number): number {
  return cost / NANO;
}

/** Returns the billionths of dollars, rounded down. */
export function nanoOf(dollars: number): number {
  return Math.floor(dollars * NANO);
}

/** Returns how many tokens so many billionths buy for certain, at the dearest of some prices; none if there is no price. */
export function affordableTokens(cost: number, prices: readonly Price[]): number {
  if (prices.length === 0 || cost <= 0) return 0;
  const dearest = Math.max(...prices.map(({ input, output, cached = 0 }) => Math.max(input, output, cached)));
  return dearest === 0 ? MAX_COUNT : Math.min(Math.floor(cost / (dearest * NANO_PER_TOKEN)), MAX_COUNT);
}

/** Returns dollars as a person reads them: cents, and of less the first digits. */
export function dollarText(dollars: number): string {
  return `$${dollars === 0 || dollars >= 1 ? dollars.toFixed(2) : dollars.toPrecision(2)}`;
}
