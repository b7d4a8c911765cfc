import type { ManifestFacts } from './run.js';

/**
 * Packs that a chunk has under way at most: an activity each, whose events must fit into the chunk's history.
 * It starts no more, and is given no more lanes than these can use.
 */
export const PACKS_OF_A_CHUNK = 500;

/** Events that a large chunk brings into its parent's history: its start and end, reports, orders, workflow tasks. */
const EVENTS_OF_A_CHUNK = 100;

/** The same of a chunk with no items, and for each item: a small chunk has little to report. */
const LEAST_EVENTS = 20;
const EVENTS_OF_AN_ITEM = 5;

/** Events that a chunk of a run brings into its parent's history. */
export function eventsOfAChunk({ items, chunks }: ManifestFacts): number {
  return Math.min(EVENTS_OF_A_CHUNK, LEAST_EVENTS + EVENTS_OF_AN_ITEM * Math.ceil(items / Math.max(chunks, 1)));
}
