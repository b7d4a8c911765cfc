import { MAX_AMOUNT, MAX_COUNT, sumCounts } from './numbers.js';

/** What is known of the account's credits during a run, by its balance. Other uses of the account count too. */
export interface CreditsSeen {
  /** Balance at the start of the run, with what was added to the account since. */
  readonly start: number;
  readonly balance: number;
  /** Tokens that the run had spent when the balance was last looked at. */
  readonly tokens: number;
  /** The most credits that a token has cost between two looks; absent while none was seen to cost anything. */
  readonly perToken?: number;
}

/** The credits at the start of a run. */
export function firstCredits(balance: number): CreditsSeen {
  return { start: balance, balance, tokens: 0 };
}

/** The credits after one more look at the balance, when the run has spent so many tokens. */
export function seeBalance(seen: CreditsSeen, balance: number, tokens: number): CreditsSeen {
  const spent = seen.balance - balance;
  // More than before: somebody has added credits.
  const start = spent < 0 ? Math.min(seen.start - spent, MAX_AMOUNT) : seen.start;
  const cost = tokens > seen.tokens ? Math.max(0, spent) / (tokens - seen.tokens) : 0;
  const perToken = Math.max(seen.perToken ?? 0, cost);
  return { start, balance, tokens: Math.max(tokens, seen.tokens), ...(perToken > 0 ? { perToken } : {}) };
}

/** Credits spent since the start. */
export function spentCredits({ start, balance }: CreditsSeen): number {
  return Math.max(0, start - balance);
}

/**
 * Tokens that a run may have spent before its balance must be looked at again, so that it stays within `maxCredits`: half
 * of what the credits left would buy at the dearest price seen, and all of it when that is no more than a round of
 * requests (`roundTokens`). Until a price is seen, a round, and then twice as much each time.
 */
export function tokensForCredits(seen: CreditsSeen, maxCredits: number, roundTokens: number): number {
  const left = maxCredits - spentCredits(seen);
  if (left <= 0) return seen.tokens;
  if (seen.perToken === undefined) return sumCounts(seen.tokens, seen.tokens, roundTokens);
  // A price may be next to nothing: what it would buy must stay a number that a message can hold.
  const affordable = Math.min(left / seen.perToken, MAX_COUNT);
  return sumCounts(seen.tokens, Math.max(1, Math.floor(affordable <= roundTokens ? affordable : affordable / 2)));
}
