import { z } from 'zod';
import { countSchema } from '../batch/numbers.js';
import { OUTPUT_FORMATS } from '../batch/output-format.js';
import { ANY_MODEL } from '../batch/search-names.js';
import { endStateSchema } from '../batch/summary.js';
import type { RunExecution } from '../client-executions.js';
import { UserError } from './errors.js';
import type { FormatFlags } from './format-flags.js';
import { placeOfOutput } from './output.js';
import type { Wanted } from './result-format.js';
import { NO_MODEL, runRequestSchema } from './same-run.js';

/** What `batch` notes beside a run, for `attach` and the lists: no secrets. */
const runMemoSchema = z.object({
  items: countSchema.optional(),
  endpoint: z.string().optional(),
  /** The input's name. */
  input: z.string().optional(),
  /** Where the results were asked to go. */
  output: z.string().optional(),
  /** How they were asked to be written. */
  format: z.enum(OUTPUT_FORMATS).optional(),
  flatten: z.boolean().optional(),
  concurrency: countSchema.optional(),
  /** What it came to: written by the workflow at its end. */
  ended: z
    .object({
      state: endStateSchema,
      items: countSchema,
      ok: countSchema,
      failed: countSchema,
      skipped: countSchema,
      cancelled: countSchema,
      tokens: countSchema,
    })
    .optional(),
  /** What it was asked for, so that another command under the same id can tell. */
  request: runRequestSchema.optional(),
});
export type RunMemo = z.infer<typeof runMemoSchema>;

/** Returns a run's memo as far as it can be read: a run that another program started may have any. */
export function memoOf({ memo }: Pick<RunExecution, 'memo'>): RunMemo {
  return runMemoSchema.safeParse(memo).data ?? {};
}

/** Returns where a run's results were asked to go, and how. */
export function wantedOf({ output, format, flatten }: RunMemo): Wanted {
  return { output, format, flatten };
}

/** Returns what a run's memo has of where its results go. */
export function notedOutput({
  output,
  outputFormat: format,
  flatten,
}: FormatFlags & { readonly output?: string | undefined }): Pick<RunMemo, 'output' | 'format' | 'flatten'> {
  return {
    ...(output === undefined ? {} : { output: placeOfOutput(output) }),
    ...(format === undefined ? {} : { format }),
    ...(flatten ? { flatten } : {}),
  };
}

/** Returns the only model that a run was started for, or `any`; undefined if that is not noted. */
export function modelOf({ request }: RunMemo): string | undefined {
  const model = request?.answers['--model'];
  return model === NO_MODEL ? ANY_MODEL : model;
}

/** Returns a run's memo. Throws a `UserError` if it is encoded: who cannot read it can neither work on the run. */
export function readableMemoOf(run: RunExecution): RunMemo {
  if (run.unreadable === undefined) return memoOf(run);
  throw new UserError(`the run ${run.workflowId} cannot be read here: ${run.unreadable}`, {
    exitCode: 1,
    hint: CODEC_HINT,
  });
}

/** The way out if what the server has of runs is encoded. */
const CODEC_HINT = 'Give --codec-endpoint or --data-converter, as its workers have them.';

/** Says of which runs the memo cannot be read, why, and what to do; undefined if all can. */
export function unreadableNote(runs: readonly RunExecution[]): string | undefined {
  const unreadable = runs.filter((run) => run.unreadable !== undefined);
  const [first] = unreadable;
  if (first === undefined) return undefined;
  const what =
    unreadable.length === 1 ? `what is noted of ${first.workflowId}` : `what is noted of ${unreadable.length} runs`;
  return `${what} cannot be read here: ${first.unreadable}. ${CODEC_HINT}`;
}
