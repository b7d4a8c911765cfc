import { z } from 'zod';
import { endStateSchema } from '../batch/summary.js';
import { UserError } from './errors.js';
import { runRequestSchema } from './same-run.js';

/** What `batch` notes beside a run, for `attach` and the lists: no secrets. */
export const runMemoSchema = z.object({
  items: z.number().optional(),
  endpoint: z.string().optional(),
  /** The input's name. */
  input: z.string().optional(),
  /** Where the results were asked to go. */
  output: z.string().optional(),
  concurrency: z.number().optional(),
  /** What it came to: written by the workflow at its end. */
  ended: z
    .object({
      state: endStateSchema,
      items: z.number(),
      ok: z.number(),
      failed: z.number(),
      skipped: z.number(),
      cancelled: z.number(),
      tokens: z.number(),
    })
    .optional(),
  /** What it was asked for, so that another command under the same id can tell. */
  request: runRequestSchema.optional(),
});
export type RunMemo = z.infer<typeof runMemoSchema>;

/** The error for an id that no run has. */
export function noSuchRun(id: string): UserError {
  return new UserError(`there is no run ${id}`, { exitCode: 2, hint: 'See `dria-temporal runs`.' });
}
