import { z } from 'zod';
import type { ChunkManifest } from './manifest.js';
import type { ModalityCounts } from './modality.js';
import { type BatchOptions, batchOptionsSchema } from './options.js';
import type { RunSummary } from './summary.js';

/** Where relative attachments are found and what they may be. */
export const attachmentRulesSchema = z.strictObject({
  /** Absolute folder, on the workers, that relative paths are against: the input file's own. */
  folder: z.string().optional(),
  /** Further folders that attachments may come from. */
  roots: z.array(z.string()).optional(),
  /** Size of one attachment at most, bytes. */
  maxBytes: z.int().positive().optional(),
  /** The attachments are in storage already, put there beside the input: workers read no folder. */
  staged: z.boolean().optional(),
});

/** The argument of `batchWorkflow`, as other people's workflows give it. */
export const batchInputSchema = z.strictObject({
  /** The input: an absolute path that the workers can read, or a key under the workers' storage root. */
  input: z.string().min(1),
  options: batchOptionsSchema.optional(),
  attachments: attachmentRulesSchema.optional(),
  /**
   * The base URL that the run is meant for. A worker that serves another endpoint refuses the run, so that one
   * endpoint's key never goes to another. Without it, whatever the workers serve.
   */
  endpoint: z.string().optional(),
  /** Take over what an earlier execution with this workflow id left in the run directory. */
  recover: z.boolean().optional(),
  /** With `recover`: ask the items again that have failed, and keep the answers. */
  retryFailed: z.boolean().optional(),
  /** Heartbeat time-out of `infer`, ms. Default 60,000; the embedded server uses 10,000. */
  heartbeatTimeoutMs: z.int().min(1000).optional(),
  /**
   * Packs may hold several lanes, so that thousands of lanes need no thousands of activities. For a run whose workers
   * serve no other: on a shared worker, where each pack takes one place, it would get more than its part. Default false.
   */
  widePacks: z.boolean().optional(),
});

/** The argument of `batchWorkflow`. */
export type BatchInput = z.input<typeof batchInputSchema>;

/** The result of `batchWorkflow`. */
export interface BatchResult extends RunSummary {
  /** Storage key of the results, JSONL in input order. */
  readonly results: string;
}

/** What the workflow keeps of the manifest; the rest stays in storage. */
export interface ManifestFacts {
  readonly items: number;
  readonly modalities: ModalityCounts;
  readonly invalid: number;
  /** How many chunks the input has. */
  readonly chunks: number;
}

/** What `readManifest` gives the workflow. */
export interface PreparedRun {
  /** All options, defaults filled in, without the schema (it stays in storage). */
  readonly options: WorkflowOptions;
  readonly manifest: ManifestFacts;
}

/** The options that a workflow needs; the schema stays in the run directory, so that no history carries it. */
export type WorkflowOptions = Omit<BatchOptions, 'schema' | 'skipInvalid'> & Pick<BatchInput, 'widePacks'>;

/** A page of chunks for the parent to start. */
export interface ChunkPage {
  readonly chunks: readonly ChunkManifest[];
}
