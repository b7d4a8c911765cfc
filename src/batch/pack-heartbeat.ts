import { z } from 'zod';
import { countSchema as count } from './numbers.js';

/** How far an attempt of a pack is, as its newest heartbeat has it: some seconds old. */
export const packHeartbeatSchema = z.object({
  target: z.string(),
  /** Items without an outcome. */
  open: count,
  ok: count,
  failed: count,
  truncated: count,
  empty: count,
  tokens: count,
  wastedTokens: count,
  cachedTokens: count,
  requests: count,
});
export type PackHeartbeat = z.output<typeof packHeartbeatSchema>;
