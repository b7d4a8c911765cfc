import { z } from 'zod';
import { chance } from './hash.js';

const milliseconds = z.number().nonnegative();

/** How long an answer takes, in ms. A lognormal one is cut at `maxMs`, by default 60 s. */
export const latencySchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('fixed'), ms: milliseconds }),
  z
    .strictObject({ kind: z.literal('uniform'), minMs: milliseconds, maxMs: milliseconds })
    .refine(({ minMs, maxMs }) => minMs <= maxMs, 'minMs must not be over maxMs'),
  z.strictObject({
    kind: z.literal('lognormal'),
    medianMs: milliseconds,
    /** Standard deviation of the logarithm: 0.5 makes one answer in 40 take over 2.7 × the median. */
    sigma: z.number().nonnegative().max(5),
    maxMs: milliseconds.default(60_000),
  }),
]);
export type Latency = z.output<typeof latencySchema>;

/** One content in `every` takes `ms` instead of what the latency says. */
export const slowSchema = z.strictObject({ every: z.number().int().positive(), ms: milliseconds });
export type Slow = z.output<typeof slowSchema>;

/** What the latency of an answer depends on besides the distribution: the same words, the same wait. */
export interface LatencyKey {
  readonly seed: string | number;
  readonly model: string;
  /** Hash of the prompt and its attachments. */
  readonly content: string;
}

/** Ms that the answer takes. Depends on nothing else, so two loops over the same prompts wait the same in total. */
export function latencyMs(latency: Latency, slow: Slow | undefined, key: LatencyKey): number {
  if (slow !== undefined && isSlow(slow, key)) return slow.ms;
  if (latency.kind === 'fixed') return latency.ms;
  const [u, v] = chance('latency', key.seed, key.model, key.content);
  if (latency.kind === 'uniform') return latency.minMs + u * (latency.maxMs - latency.minMs);
  // Box-Muller; 1 - u because u may be 0 and the logarithm of 0 is not a number to wait for.
  const normal = Math.sqrt(-2 * Math.log(1 - u)) * Math.cos(2 * Math.PI * v);
  return Math.min(latency.medianMs * Math.exp(latency.sigma * normal), latency.maxMs);
}

/** Chosen by content and not by model or order of arrival: every loop over the same prompts meets the same slow ones. */
function isSlow(slow: Slow, key: LatencyKey): boolean {
  return chance('slow', key.seed, key.content)[0] * slow.every < 1;
}
