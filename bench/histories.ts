import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { measureTree } from './process-tree.js';

const countsSchema = z.object({
  /** Activities that were scheduled. A retry is no new one. */
  activities: z.number(),
  /** Events of all workflows' histories. */
  events: z.number(),
  /** Events of the longest history. */
  largest: z.number(),
  /** Bytes of the largest history, as the server counts them. */
  largestBytes: z.number(),
});

/** What a run cost in Temporal's terms. */
export type HistoryCounts = z.output<typeof countsSchema>;

/** Of what runs without Temporal. */
export const NO_HISTORIES: HistoryCounts = { activities: 0, events: 0, largest: 0, largestBytes: 0 };

/**
 * Counts what the embedded server of a data directory has on record. Starts it once more for that, in a process of its
 * own, and waits until it is gone: the next row must not share the machine with it, nor its CPU time be the next row's.
 */
export async function countHistories(dataDir: string): Promise<HistoryCounts> {
  const program = fileURLToPath(new URL('./histories-process.js', import.meta.url));
  const child = spawn(process.execPath, [program, dataDir], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [output] = await Promise.all([text(child.stdout), measureTree(child)]);
  return countsSchema.parse(JSON.parse(output));
}
