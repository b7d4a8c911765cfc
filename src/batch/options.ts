import { z } from 'zod';
import { API_NAMES, type ApiName } from './api.js';
import { type EndpointRules, endpointsSchema, PREFERENCES, type Preference } from './endpoint-rules.js';
import { LIMITS, type Limit, MAX_CANARY, MAX_MODEL_LENGTH } from './limits.js';
import { type OptionField, type RequestBody, requestFormSchema } from './request-form.js';

/** Maximum number of items in a chunk: they are merged into one part, and a chunk is what a step repeats after a crash. */
export const MAX_CHUNK_SIZE = 50_000;

/** Items of a chunk, if the caller asks for no other number: few child workflows, and parts that are soon merged. */
const CHUNK_SIZE = 10_000;

/** Maximum length of a run's system message (characters): the start of a workflow carries it. */
const MAX_SYSTEM_LENGTH = 100_000;

/** A JSON Schema object. */
export type JsonSchema = { readonly [key: string]: unknown };

function limited({ least, most, whole }: Limit): z.ZodNumber {
  return (whole ? z.int() : z.number()).min(least).max(most);
}

/** When items that are the same are asked once. */
export const DEDUPE = ['auto', 'always', 'never'] as const;
export type Dedupe = (typeof DEDUPE)[number];

/** Inputs of a request for embeddings, if the caller asks for no other number: what servers take that say nothing of it. */
export const EMBED_BATCH = 32;

/** Maximum number of inputs of a request for embeddings: OpenAI's own. */
const MAX_EMBED_BATCH = 2048;

/** How a batch is run: the options of the command `batch` in camelCase. What is left out has the default. */
export interface BatchOptionsInput {
  /** The only model to ask. Default: models of the endpoint's list, by their nodes. */
  readonly model?: string | undefined;
  /** Permits: maximum number of requests in flight, on all workers together, 1 to 2000. Default 10. */
  readonly concurrency?: number | undefined;
  /** Further attempts for an item after its first, 0 to 100. Default 3. */
  readonly retries?: number | undefined;
  /** Maximum tokens of an answer. Default 2048. */
  readonly maxTokens?: number | undefined;
  /** Sampling temperature, 0 to 2. Default 0.7. */
  readonly temperature?: number | undefined;
  /** Maximum time for one answer (seconds). Default 120. */
  readonly timeoutSecs?: number | undefined;
  /** Maximum time that items wait for an endpoint that cannot be asked before they fail with its words (seconds). Default 900. */
  readonly maxWaitSecs?: number | undefined;
  /** System message of every item, 100,000 characters or fewer. Default: each item's own, if it has one. */
  readonly system?: string | undefined;
  /** JSON Schema that every answer must satisfy. Default: none. */
  readonly schema?: JsonSchema | undefined;
  /** Sends an answer that does not satisfy the schema back to its model with what is wrong. Default true. */
  readonly repair?: boolean | undefined;
  /** Sends items whose prompts begin alike one after another, to the same target. Default false. */
  readonly groupPrefix?: boolean | undefined;
  /** Items in a pack, 1 to 1000; 1 makes every item an activity of its own. Default: by how the run goes. */
  readonly pack?: number | undefined;
  /** Writes an error line for an invalid input line, instead of refusing the input. Default false. */
  readonly skipInvalid?: boolean | undefined;
  /** Writes prompt_tokens, finish_reason, attempts and the other facts into every output line. Default false. */
  readonly detail?: boolean | undefined;
  /** Maximum requests a minute, on all workers together. Default: no limit but the endpoint's. */
  readonly rpm?: number | undefined;
  /** Maximum tokens a minute, of prompts and answers, on all workers together. Default: no limit but the endpoint's. */
  readonly tpm?: number | undefined;
  /** Maximum tokens of the whole run, of prompts and answers; at the limit it pauses. Default: no limit. */
  readonly maxTotalTokens?: number | undefined;
  /** Maximum credits of the whole run, by the account's balance; at the limit it pauses. Default: no limit. */
  readonly maxCredits?: number | undefined;
  /** Maximum cost of the whole run, US dollars, by the prices of `endpoints`; at the limit it pauses. Default: no limit. */
  readonly maxCost?: number | undefined;
  /** Endpoints that are asked, by their names on the workers. Default: the one endpoint that the workers serve. */
  readonly endpoints?: readonly EndpointRules[] | undefined;
  /** Among the targets of one order, asks those first that cost least, input and output price together. Default: all, by nodes or weight. */
  readonly prefer?: Preference | undefined;
  /** Asks so many items first, spread over the input, and then waits until somebody resumes the run. Default: none. */
  readonly canary?: number | undefined;
  /** Writes the endpoint's whole answer into every output line, as `raw`. Default false. */
  readonly raw?: boolean | undefined;
  /**
   * Further fields of every request, as the endpoint's documentation has them: `{ seed: 7, top_p: 0.9 }`. They are not judged;
   * one that an option fills as well is sent as it is here. Default: none.
   */
  readonly body?: RequestBody | undefined;
  /** Fields that requests do not have, of those that options fill. Default: what a target refuses is found out. */
  readonly omit?: readonly OptionField[] | undefined;
  /** Other names of fields that options fill: `{ max_tokens: 'max_completion_tokens' }`. Default: none. */
  readonly rename?: Readonly<Partial<Record<OptionField, string>>> | undefined;
  /**
   * Asks items that are the same once, and answers each of them with that: `always`, `never`, or `auto`, at temperature 0
   * and for embeddings. Default `auto`.
   */
  readonly dedupe?: Dedupe | undefined;
  /**
   * What the endpoint is asked by: `chat`, `responses`, `completions` or `embeddings`. Default: by the `url` of OpenAI's batch
   * lines, else `chat`.
   */
  readonly api?: ApiName | undefined;
  /** Items in a request for embeddings, 1 to 2048. Default 32. */
  readonly embedBatch?: number | undefined;
  /** Items in a chunk, 1 to 50,000. Default 10,000. */
  readonly chunkSize?: number | undefined;
}

/** What comes from outside is parsed with this schema; unknown fields are refused, so that a misspelt one is seen. */
export const batchOptionsSchema = z.strictObject({
  model: z.string().min(1).max(MAX_MODEL_LENGTH).optional(),
  concurrency: limited(LIMITS.concurrency).default(10),
  retries: limited(LIMITS.retries).default(3),
  maxTokens: limited(LIMITS.maxTokens).default(2048),
  temperature: limited(LIMITS.temperature).default(0.7),
  timeoutSecs: limited(LIMITS.timeoutSecs).default(120),
  maxWaitSecs: limited(LIMITS.maxWaitSecs).default(900),
  system: z.string().min(1).max(MAX_SYSTEM_LENGTH).optional(),
  schema: z.record(z.string(), z.unknown()).optional(),
  repair: z.boolean().default(true),
  groupPrefix: z.boolean().default(false),
  pack: z.int().min(1).max(1000).optional(),
  skipInvalid: z.boolean().default(false),
  detail: z.boolean().default(false),
  rpm: limited(LIMITS.rpm).optional(),
  tpm: limited(LIMITS.tpm).optional(),
  maxTotalTokens: limited(LIMITS.maxTotalTokens).optional(),
  maxCredits: limited(LIMITS.maxCredits).optional(),
  maxCost: limited(LIMITS.maxCost).optional(),
  endpoints: endpointsSchema.optional(),
  prefer: z.enum(PREFERENCES).optional(),
  canary: z.int().min(1).max(MAX_CANARY).optional(),
  raw: z.boolean().default(false),
  ...requestFormSchema.shape,
  dedupe: z.enum(DEDUPE).default('auto'),
  api: z.enum(API_NAMES).optional(),
  embedBatch: z.int().min(1).max(MAX_EMBED_BATCH).default(EMBED_BATCH),
  chunkSize: z.int().min(1).max(MAX_CHUNK_SIZE).default(CHUNK_SIZE),
});

/** Options with every default filled in. */
export type BatchOptions = z.output<typeof batchOptionsSchema>;

/** Returns true if items that are the same are asked once: a vector has no temperature. */
export function asksOnce({ dedupe, temperature, api }: Pick<BatchOptions, 'dedupe' | 'temperature' | 'api'>): boolean {
  return dedupe === 'auto' ? temperature === 0 || api === 'embeddings' : dedupe === 'always';
}

/**
 * Returns true if attached files are read whole before the run, so that items with them can be found to be the same, in it and
 * by later runs.
 */
export function hasKeysOfFiles({ dedupe }: Pick<BatchOptions, 'dedupe'>, reuse: string | undefined): boolean {
  return dedupe !== 'never' || reuse !== undefined;
}

const STORED = {
  schema: true,
  system: true,
  body: true,
  omit: true,
  rename: true,
  raw: true,
  repair: true,
  groupPrefix: true,
  embedBatch: true,
} as const;

/** The options that shape requests and answers alone: they stay in the run directory, so that no history carries them on. */
export const STORED_OPTIONS = Object.keys(STORED) as readonly (keyof typeof STORED)[];

export const workflowOptionsSchema = batchOptionsSchema.omit({ ...STORED, skipInvalid: true, dedupe: true });

/** The options that a workflow needs: what shapes requests alone is stored, and what shapes the manifest is done. */
export type WorkflowOptions = z.output<typeof workflowOptionsSchema>;
