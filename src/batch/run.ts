import { z } from 'zod';
import type { ChunkManifest } from './manifest.js';
import type { ModalityCounts } from './modality.js';
import { type BatchOptionsInput, batchOptionsSchema, type WorkflowOptions } from './options.js';
import {
  FormatError,
  OUTPUT_FORMATS,
  type OutputFormat,
  type ResultFormat,
  requireSchema,
  resultFormat,
} from './output-format.js';
import type { PausedBy } from './progress.js';
import type { OutputLine } from './prompts.js';
import { type ReadOptions, readOptionsSchema } from './read-options.js';
import type { RunSummary } from './summary.js';
import { webhookUrlProblem } from './webhook-url.js';

/** Where relative attachments are found and what they may be. */
export interface AttachmentOptions {
  /** Absolute folder, on the workers, that relative paths are against. Default: the input file's own. */
  readonly folder?: string | undefined;
  /** Further folders that attachments may come from. Default: none. */
  readonly roots?: readonly string[] | undefined;
  /** Maximum size of one attachment (bytes). Default 20 MB. */
  readonly maxBytes?: number | undefined;
  /** The attachments are in storage already, put there beside the input: workers read no folder. Default false. */
  readonly staged?: boolean | undefined;
}

export const attachmentOptionsSchema = z.strictObject({
  folder: z.string().optional(),
  roots: z.array(z.string()).readonly().optional(),
  maxBytes: z.int().positive().optional(),
  staged: z.boolean().optional(),
});

/** What the keys of all objects begin with. */
export const STORED_PREFIXES = ['inputs', 'attachments', 'runs', 'index'] as const;

/** Folders of the storage root that are the package's own. */
const OWN_FOLDERS: ReadonlySet<string> = new Set([...STORED_PREFIXES, 'server', '.tmp']);

/** Returns true for an absolute path of a file, and for a key that no other object of this package has. */
export function isPlaceForResults(output: string): boolean {
  const [first = '', ...others] = output.split(/[/\\]/);
  if (first === '' || /^[A-Za-z]:$/.test(first)) return others.length > 0 && others.at(-1) !== '';
  return ![first, ...others].some((name) => name === '' || name === '.' || name === '..') && !OWN_FOLDERS.has(first);
}

/** The argument of `batchWorkflow`. */
export interface BatchInput {
  /**
   * The input: an absolute path that the workers can read, a key under the workers' storage root, or `s3://bucket/key`;
   * several, and patterns such as `/data/*.csv`, make one input of all their files. JSONL, a JSON array, CSV, TSV or
   * Parquet, also with gzip or zstd. `{{date}}` and `{{time}}` in it stand for when the run was scheduled for, or was started.
   */
  readonly input: string | readonly string[];
  /** How the input is read. Default: each file by its content. */
  readonly read?: ReadOptions | undefined;
  /**
   * Where the results go beside the run directory: an absolute path that the workers can write, or a key under their
   * storage root. Placeholders as in `input`. The extension decides the format: `.jsonl`, `.csv`, `.tsv`, `.parquet` or
   * `.json`, all but Parquet also with `.gz` or `.zst`.
   */
  readonly output?: string | undefined;
  /** Format of `output`, instead of that by its extension. What is in the run directory is always JSONL. */
  readonly outputFormat?: OutputFormat | undefined;
  /** Writes each field of a structured answer as a column of its own into `output`. Needs a schema. Default false. */
  readonly flatten?: boolean | undefined;
  /** Time zone of the placeholders, as `Europe/Berlin`. Default UTC. */
  readonly timeZone?: string | undefined;
  /**
   * Sets the search attributes `DriaState`, `DriaModel` and `DriaEndpoint`, which the namespace must have as Keyword: else
   * the run is not started, or as a child workflow does not go on. Default false.
   */
  readonly searchAttributes?: boolean | undefined;
  /** How the batch is run. */
  readonly options?: BatchOptionsInput | undefined;
  /** Where relative attachments are found and what they may be. */
  readonly attachments?: AttachmentOptions | undefined;
  /**
   * Base URL that the run is meant for. A worker that serves another endpoint refuses the run, so that one endpoint's key
   * never goes to another. Default: whatever the workers serve.
   */
  readonly endpoint?: string | undefined;
  /** Asks the items again that have failed in an earlier execution with this id, and keeps the answers. Default false. */
  readonly retryFailed?: boolean | undefined;
  /**
   * Takes the answers to items that an earlier run was asked in the same way, and asks only the rest: the id of a run in the
   * same storage, or `last`, the newest run of the same input (see `origin`). Default: asks all.
   */
  readonly reuse?: string | undefined;
  /** What `reuse: 'last'` finds runs of the same input by. Default: `input` as it is given, with its placeholders. */
  readonly origin?: string | undefined;
  /**
   * What a pause does that only a person can end (credits, a limit, refusals of all first items): `wait` until somebody
   * resumes the run, or `fail` with the kind `Paused`. The review of a canary, and a pause that somebody asked for, wait.
   * Default `wait`.
   */
  readonly onPause?: 'wait' | 'fail' | undefined;
  /** A signal, with a `RunNotice`, to a workflow when the run pauses, has waited for half a minute, and goes on again. */
  readonly notify?: NotifyOptions | undefined;
  /** A signed HTTP request to an address when the run pauses and when it has ended; see `RunEvent`. */
  readonly webhook?: WebhookOptions | undefined;
  /**
   * What the result has of the answers: `reference`, the key of the results (the default), or `inline`, their lines as well
   * if they have 256 KB or less. Answers are then in the history.
   */
  readonly return?: 'reference' | 'inline' | undefined;
  /** Heartbeat time-out of packs (ms), 1,000 or more: until a lost worker is noticed. Default 90,000. */
  readonly heartbeatTimeoutMs?: number | undefined;
}

/** Whom a run notifies, and how. */
export interface NotifyOptions {
  /** Name of the signal. */
  readonly signal: string;
  /** Id of the workflow. Default: the parent workflow. */
  readonly workflowId?: string | undefined;
}

/** Where a run's webhooks go: the worker signs them with the secret of its environment, if its operator allows the host. */
export interface WebhookOptions {
  /** An http(s) URL without user name, password, query and fragment: it is kept with the run. Redirects are not followed. */
  readonly url: string;
  /** Longest time that the end of the run waits for the receiver (seconds), 1 to 3,600. Default 120. */
  readonly maxWaitSecs?: number | undefined;
}

/** The options of a webhook, as they come from outside. */
export const webhookOptionsSchema = z.strictObject({
  url: z.string().superRefine((url, context) => {
    const problem = webhookUrlProblem(url);
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
  }),
  maxWaitSecs: z.number().min(1).max(3600).optional(),
});

/** The argument of `batchWorkflow`, as other people's workflows give it: parsed with this schema, unknown fields are refused. */
export const batchInputSchema = z.strictObject({
  outputFormat: z.enum(OUTPUT_FORMATS).optional(),
  flatten: z.boolean().optional(),
  input: z.union([z.string().min(1), z.array(z.string().min(1)).nonempty().readonly()]),
  read: readOptionsSchema.optional(),
  output: z.string().refine(isPlaceForResults, 'names a folder, or one that runs use').optional(),
  timeZone: z.string().min(1).optional(),
  searchAttributes: z.boolean().optional(),
  options: batchOptionsSchema.optional(),
  attachments: attachmentOptionsSchema.optional(),
  endpoint: z.string().optional(),
  retryFailed: z.boolean().optional(),
  reuse: z.string().min(1).optional(),
  origin: z.string().min(1).optional(),
  onPause: z.enum(['wait', 'fail']).optional(),
  notify: z.strictObject({ signal: z.string().min(1), workflowId: z.string().min(1).optional() }).optional(),
  webhook: webhookOptionsSchema.optional(),
  return: z.enum(['reference', 'inline']).optional(),
  heartbeatTimeoutMs: z.int().min(1000).optional(),
});

/** Returns the files and patterns that an input names. */
export function namesOf(input: BatchInput['input']): readonly string[] {
  return typeof input === 'string' ? [input] : input;
}

/**
 * Returns what of a run's input decides how `output` is written. Throws a {@link FormatError} if it does not go together: to be
 * called before anything is spent.
 */
export function checkedFormat({ output, outputFormat: format, flatten, options }: BatchInput): ResultFormat {
  const found = resultFormat(output, { format, flatten });
  requireSchema(found, options?.schema !== undefined);
  if (output !== undefined || (format === undefined && !found.flatten)) return found;
  throw new FormatError('outputFormat and flatten are about output: give it too, or leave them out');
}

/** What a run sends the workflow that it notifies. */
export interface RunNotice {
  /** The run's id: its workflow id. */
  readonly runId: string;
  /** Where the run stands; `running`: it goes on again. */
  readonly state: 'running' | 'waiting' | 'paused';
  /** Why it waits or is paused, in words a person can act on. */
  readonly reason?: string;
  /** Who or what paused it. */
  readonly pausedBy?: PausedBy;
}

/** The result of `batchWorkflow`. */
export interface BatchResult extends RunSummary {
  /** Storage key of the results, JSONL in input order. */
  readonly results: string;
  /** The output lines in input order; for `return: 'inline'` and small results. */
  readonly lines?: readonly OutputLine[];
  /** Why there are no `lines` though they were wanted. */
  readonly notInline?: string;
}

/** What the workflow keeps of the manifest; the rest stays in storage. */
export interface ManifestFacts {
  readonly items: number;
  readonly modalities: ModalityCounts;
  readonly invalid: number;
  /** Items whose answers were taken from an earlier run. */
  readonly reused: number;
  /** How many chunks the input has. */
  readonly chunks: number;
  /** Models that items name as targets of their own. Absent if none does. */
  readonly models?: readonly string[];
  /** All items name one: no list of models is needed. */
  readonly areAllNamed?: true;
}

/** What `readManifest` gives the workflow. */
export interface PreparedRun {
  /** All options, defaults filled in, without the schema (it stays in storage). */
  readonly options: WorkflowOptions;
  readonly manifest: ManifestFacts;
  /** An earlier execution has left answers or failures. */
  readonly hasOutcomes: boolean;
  /** What the run notes at its beginning. */
  readonly notes: readonly string[];
}

/** A page of chunks for the parent to start. */
export interface ChunkPage {
  readonly chunks: readonly ChunkManifest[];
}
