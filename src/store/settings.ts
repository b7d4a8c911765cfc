import { dirname, isAbsolute, join } from 'node:path';
import { z } from 'zod';
import { API_NAMES } from '../batch/api.js';
import { type BatchOptions, STORED_OPTIONS } from '../batch/options.js';
import { requestFormSchema } from '../batch/request-form.js';
import { attachmentOptionsSchema, type BatchInput, namesOf } from '../batch/run.js';
import { DEFAULT_MAX_ATTACHMENT_BYTES } from '../input/size.js';
import { isS3Root } from '../storage/s3-location.js';
import type { Storage } from '../storage/storage.js';
import { getSealed, putSealed } from './json.js';
import { questionSchema } from './owner.js';
import { runDirectory } from './run-directory.js';

/** A folder that holds nothing that could be attached. */
export const NO_FOLDER = '/dev/null';

/** What every item of a run needs and no history carries. */
const storedSettingsSchema = z.object({
  version: z.literal(1),
  /** Key of the staged input. */
  input: z.string(),
  endpoint: z.string().optional(),
  schema: z.record(z.string(), z.unknown()).optional(),
  /** System message of every item, in the place of its own. */
  system: z.string().optional(),
  attachments: attachmentOptionsSchema.required(),
  /** What the run asks as a whole; absent until it has begun. Answers that are asked otherwise are marked. */
  question: questionSchema.optional(),
  /** Output lines have all facts. */
  detail: z.boolean().default(false),
  /** Output lines have the endpoint's whole answer. */
  raw: z.boolean().optional(),
  ...requestFormSchema.shape,
  /** An answer that does not satisfy the schema is sent back to its target with what is wrong. */
  repair: z.boolean().default(true),
  /** Items are asked in the order in which their prompts begin alike. */
  groupPrefix: z.boolean().default(false),
  /** What the endpoint is asked by; absent if the items say it, or nothing does. */
  api: z.enum(API_NAMES).optional(),
  /** Items in a request for embeddings. */
  embedBatch: z.int().min(1).optional(),
  /** URL of the webhook. */
  webhook: z.string().optional(),
});
export type StoredSettings = z.output<typeof storedSettingsSchema>;

/**
 * Returns the settings of a run, but for its input, from what it is started with. A command stores them before its run starts,
 * and the run goes by the same.
 */
export function settingsOf(
  input: Pick<BatchInput, 'attachments' | 'endpoint' | 'input' | 'webhook'>,
  { detail, api, ...options }: Pick<BatchOptions, 'detail' | 'api' | (typeof STORED_OPTIONS)[number]>,
  storage: Storage,
): Omit<StoredSettings, 'input'> {
  const stored = STORED_OPTIONS.map((option) => [option, options[option]] as const);
  return {
    version: 1,
    detail,
    repair: options.repair,
    groupPrefix: options.groupPrefix,
    embedBatch: options.embedBatch,
    ...(api === undefined ? {} : { api }),
    ...(input.endpoint === undefined ? {} : { endpoint: input.endpoint }),
    ...Object.fromEntries(stored.filter(([, value]) => value !== undefined)),
    ...(input.webhook === undefined ? {} : { webhook: input.webhook.url }),
    attachments: {
      folder: input.attachments?.folder ?? folderOf(namesOf(input.input)[0] ?? '', storage),
      roots: input.attachments?.roots ?? [],
      maxBytes: input.attachments?.maxBytes ?? DEFAULT_MAX_ATTACHMENT_BYTES,
      staged: input.attachments?.staged ?? false,
    },
  };
}

/** The folder that relative attachments are against; an input in a bucket has none, so that nothing is allowed. */
function folderOf(input: string, storage: Storage): string {
  if (isAbsolute(input)) return dirname(input);
  return isS3Root(storage.root) ? NO_FOLDER : dirname(join(storage.root, input));
}

/** Writes a run's settings. */
export async function putSettings(storage: Storage, run: string, settings: StoredSettings): Promise<void> {
  await putSealed(storage, runDirectory(run).settings, settings);
}

/** Reads a run's settings. Throws `NOT_FOUND` for a run that has not begun. */
export async function readStoredSettings(storage: Storage, run: string): Promise<StoredSettings> {
  return await getSealed(storage, runDirectory(run).settings, storedSettingsSchema);
}
