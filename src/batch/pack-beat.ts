import { z } from 'zod';

const count = z.number().int().nonnegative();

/**
 * How far an attempt of a pack is, as its heartbeats tell: a hint, some seconds old, for whoever watches. Words as in
 * `PackProgress`.
 */
export const packBeatSchema = z.object({
  model: z.string(),
  /** Items without an answer or an error. */
  left: count,
  ok: count,
  truncated: count,
  empty: count,
  tokens: count,
  wastedTokens: count,
  requests: count,
});
export type PackBeat = z.output<typeof packBeatSchema>;
