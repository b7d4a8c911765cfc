import { z } from 'zod';
import type { BatchState } from './batch-state.js';
import type { ChunkOrders, ChunkReport } from './chunk-messages.js';
import { countsSchema, linesOf } from './counts.js';
import { layoutRuns } from './layout.js';
import { MODALITIES } from './modality.js';
import { countSchema } from './numbers.js';
import { workflowOptionsSchema } from './options.js';
import { ENDPOINT_STOPS, MAX_TARGETS } from './targets.js';

/* What the workflows send each other. Whoever may use the server can send the same, with anything in it. */

const text = z.string().max(2_000);

/** Also `OUT`, which is later than any date. */
const time = z.int().min(0);

const targetsSchema = z
  .array(
    z.object({
      id: text,
      nodes: countSchema,
      modality: z.enum(MODALITIES),
      chosen: z.boolean().exactOptional(),
      named: z.boolean().exactOptional(),
      downUntil: time,
      strikes: countSchema,
      why: text.exactOptional(),
      minTries: countSchema.exactOptional(),
      refused: z.array(z.enum(MODALITIES)).max(MODALITIES.length),
      endpoint: text.exactOptional(),
      order: z.number().min(0).exactOptional(),
      weight: z.number().positive().exactOptional(),
      stopped: z.enum(ENDPOINT_STOPS).exactOptional(),
    }),
  )
  .max(MAX_TARGETS);

const reportSchema: z.ZodType<ChunkReport> = z.object({
  chunk: countSchema,
  revision: countSchema,
  returned: countSchema,
  inFlight: countSchema,
  open: countSchema,
  ready: countSchema,
  counts: countsSchema,
  targets: targetsSchema,
  wait: z.object({ text, since: time, until: time, tries: countSchema, minTries: countSchema }).exactOptional(),
  stop: z.object({ type: z.enum([...ENDPOINT_STOPS, 'AllRefused']), message: text, askedAt: time }).exactOptional(),
  shortOf: countSchema.exactOptional(),
  lastFailures: z.array(z.object({ item: countSchema, target: text, error: text })).max(5),
  notes: z.array(text).max(20),
});

const ordersSchema: z.ZodType<ChunkOrders> = z.object({
  granted: countSchema,
  paused: z.boolean(),
  yielding: z.boolean(),
  isCanaryPassed: z.boolean(),
  isAnswered: z.boolean(),
  revision: countSchema,
  options: workflowOptionsSchema,
  targets: targetsSchema,
  allowance: countSchema.exactOptional(),
  tokensPerItem: countSchema.min(1),
});

/** A message that was read, or why it is ignored. */
export type Received<T> = { readonly value: T } | { readonly problem: string };

/** Reads a chunk's report. One that is none, or says what cannot be of a chunk of this run, is ignored. */
export function readReport(state: BatchState, message: unknown): Received<ChunkReport> {
  const received = read(reportSchema, message);
  if ('problem' in received) return received;
  const { chunk, revision, returned, counts } = received.value;
  const running = state.running[chunk];
  if (running === undefined) return { problem: `chunk ${chunk} is not running` };
  if (revision > state.revision) return { problem: `revision ${revision} is not known` };
  if (returned > running.granted) return { problem: `${returned} permits returned of ${running.granted}` };
  const items = layoutRuns(running.manifest.layout).reduce((sum, { count }) => sum + count, 0);
  return linesOf(counts) > items ? { problem: `${linesOf(counts)} of ${items} items have ended` } : received;
}

/** Reads the parent's orders to a chunk. */
export function readOrders(message: unknown): Received<ChunkOrders> {
  return read(ordersSchema, message);
}

function read<T>(schema: z.ZodType<T>, message: unknown): Received<T> {
  const parsed = schema.safeParse(message);
  if (parsed.success) return { value: parsed.data };
  const [issue] = parsed.error.issues;
  return { problem: `${issue?.path.join('.') || 'the message'}: ${issue?.message ?? 'wrong'}` };
}
