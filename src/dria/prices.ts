import type { ModelPrice } from '../batch/estimate.js';
import { amountFrom } from '../batch/numbers.js';
import { isObject } from './json.js';
import { type ListEntry, listEntries } from './models.js';

/**
 * The prices in a models list, by model, where its entries have a `pricing` of credits a token, as OpenRouter's do:
 * `{"prompt": "0.0000002", "completion": "0.0000006", "request": "0"}`, as text or as numbers. Anything else, in which
 * nobody knows the unit, is no price.
 */
export function parsePrices(body: unknown): Record<string, ModelPrice> {
  return Object.fromEntries(listEntries(body).flatMap(priceOf));
}

function priceOf(entry: ListEntry): [string, ModelPrice][] {
  const metadata = isObject(entry.metadata) ? entry.metadata : {};
  const pricing = entry.pricing ?? metadata.pricing;
  if (!isObject(pricing)) return [];
  const [prompt, completion] = [amount(pricing.prompt), amount(pricing.completion)];
  if (prompt === undefined || completion === undefined) return [];
  return [[entry.id, { prompt, completion, request: amount(pricing.request) ?? 0 }]];
}

/** An amount that is not negative: a price of -1 is one that nobody knows beforehand. */
function amount(value: unknown): number | undefined {
  const number = amountFrom(value);
  return number !== undefined && number >= 0 ? number : undefined;
}
