import type { ModelPrice } from '../batch/estimate.js';
import { isObject } from './json.js';

/**
 * The prices in a models list, by model, where its entries have a `pricing` of credits a token, as OpenRouter's do:
 * `{"prompt": "0.0000002", "completion": "0.0000006", "request": "0"}`, as text or as numbers. Anything else, in which
 * nobody knows the unit, is no price.
 */
export function parsePrices(body: unknown): Record<string, ModelPrice> {
  const list = isObject(body) ? (body.data ?? body.models) : body;
  const entries: unknown[] = Array.isArray(list) ? list : [];
  return Object.fromEntries(entries.flatMap(priceOf));
}

function priceOf(entry: unknown): [string, ModelPrice][] {
  if (!isObject(entry) || typeof entry.id !== 'string') return [];
  const metadata = isObject(entry.metadata) ? entry.metadata : {};
  const pricing = entry.pricing ?? metadata.pricing;
  if (!isObject(pricing)) return [];
  const [prompt, completion] = [amount(pricing.prompt), amount(pricing.completion)];
  if (prompt === undefined || completion === undefined) return [];
  return [[entry.id.trim(), { prompt, completion, request: amount(pricing.request) ?? 0 }]];
}

/** An amount that is not negative: a price of -1 is one that nobody knows beforehand. */
function amount(value: unknown): number | undefined {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) && number >= 0 ? number : undefined;
}
