import { type Command, Option } from 'commander';
import { z } from 'zod';
import { API_NAMES } from '../batch/api.js';
import { PREFERENCES } from '../batch/endpoint-rules.js';
import { DEDUPE, EMBED_BATCH } from '../batch/options.js';
import { API_KEY_FLAG } from './api-key-flag.js';
import { duration } from './duration.js';
import { ENDPOINTS_FLAG } from './endpoints-flag.js';
import { addFormatFlags, formatFlagsSchema } from './format-flags.js';
import { parseListenAddress } from './listen-address.js';
import { number } from './number-option.js';
import { parseFlags } from './parse-flags.js';
import { readFlagsShape } from './read-flags.js';
import { collect, placeFlagsSchema, temporalFlagsSchema } from './temporal-flags.js';

/** `-` is standard output, as without the flag. */
const outputSchema = z
  .string()
  .optional()
  .transform((path) => (path === '-' ? undefined : path));

/** What a command does when its run pauses; absent, a terminal decides. */
const onPauseSchema = z.enum(['wait', 'exit']).optional();
export type OnPause = z.infer<typeof onPauseSchema>;

/** Flags that say what a run is, whoever starts it. */
const runOptionsSchema = temporalFlagsSchema.extend({
  ...readFlagsShape,
  ...formatFlagsSchema.shape,
  model: z.string().optional(),
  output: outputSchema,
  concurrency: z.number(),
  schema: z.string().optional(),
  schemaFile: z.string().optional(),
  retries: z.number(),
  repair: z.boolean().default(true),
  groupPrefix: z.boolean().default(false),
  maxTokens: z.number(),
  temperature: z.number(),
  timeout: z.number(),
  maxWait: z.number(),
  skipInvalid: z.boolean().default(false),
  attachmentsRoot: z.array(z.string()).default([]),
  detail: z.boolean().default(false),
  raw: z.boolean().default(false),
  body: z.string().optional(),
  omit: z.array(z.string()).default([]),
  rename: z.array(z.string()).default([]),
  dedupe: z.enum(DEDUPE).default('auto'),
  api: z.enum(API_NAMES).optional(),
  embedBatch: z.number().default(EMBED_BATCH),
  reuse: z.string().optional(),
  pack: z.number().optional(),
  rpm: z.number().optional(),
  tpm: z.number().optional(),
  maxTotalTokens: z.number().optional(),
  maxCredits: z.number().optional(),
  maxCost: z.number().optional(),
  prefer: z.enum(PREFERENCES).optional(),
  baseUrl: z.string().optional(),
  endpoints: z.string().optional(),
  priority: z.number().optional(),
  weight: z.number().optional(),
  heartbeatTimeout: z.number().optional(),
  searchAttributes: z.boolean().default(false),
  webhook: z.string().optional(),
});
export type RunOptionFlags = z.infer<typeof runOptionsSchema>;

/** Flags of `batch`, as commander gives them. */
export const batchFlagsSchema = runOptionsSchema.extend({
  onPause: onPauseSchema,
  onComplete: z.string().optional(),
  json: z.boolean().default(false),
  id: z.string().optional(),
  dryRun: z.boolean().default(false),
  canary: z.number().optional(),
  yes: z.boolean().default(false),
});
export type BatchFlags = z.infer<typeof batchFlagsSchema>;

/** Flags of `schedule create`. */
export const scheduleFlagsSchema = runOptionsSchema.extend({
  cron: z.array(z.string()),
  timeZone: z.string().optional(),
  overlap: z.string().optional(),
  input: z.string(),
});
export type ScheduleFlags = z.infer<typeof scheduleFlagsSchema>;

/** What `-o` is, where results go. */
export const OUTPUT_HELP = 'Results: .jsonl, .csv, .parquet …, s3://. Default: standard output.';

/** Adds the flags that say what a batch is. */
export function addBatchFlags(command: Command): Command {
  addRunOptions(command.optionsGroup('Batch:'), '-o, --output <file>', OUTPUT_HELP);
  return command
    .addOption(onPauseOption())
    .addOption(onCompleteOption())
    .option('--json', 'Progress as lines of JSON on standard error.')
    .option('--dry-run', 'Check everything, show what a run would be, spend nothing.')
    .addOption(number('--canary <n>', 'Ask so many items first, spread out; show them, and ask.'))
    .option('-y, --yes', 'Do not ask: go on after the canary, ask a model that is not listed.')
    .option('--id <id>', 'Id of the run. Default: from the input and the options.');
}

/** Adds the flags that say what a run is, whoever starts it. */
export function addRunOptions(command: Command, output: string, describedAs: string): Command {
  command
    .option('-m, --model <id>', 'The only model to ask. Default: by nodes, from the list.')
    .option(output, describedAs);
  return addFormatFlags(command)
    .addOption(number('-c, --concurrency <n>', 'Maximum requests in flight.', 10))
    .option('--schema <fields>', "Fields of every answer, as 'mood:good|bad,score:number'.")
    .option('--schema-file <file>', 'JSON Schema of every answer.')
    .addOption(number('--retries <n>', 'Further attempts for an item.', 3))
    .option('--no-repair', 'Do not tell a model what its answer lacks of the schema.')
    .addOption(new Option('--repair', 'Tell it. The default.').hideHelp())
    .option('--group-prefix', 'Ask items that begin alike one after another, for caches.')
    .addOption(number('--max-tokens <n>', 'Tokens of an answer at most.', 2048))
    .addOption(number('--temperature <t>', 'Sampling temperature.', 0.7))
    .addOption(number('--timeout <s>', 'Time for one answer, seconds.', 120))
    .addOption(duration('--max-wait <time>', 'How long to wait for an endpoint: 30s, 15m, 2h or 0.', 900))
    .option('--skip-invalid', 'Write an error line for an invalid input line.')
    .option('--attachments-root <folder>', 'Further folder for attachments. Repeatable.', collect)
    .option('--detail', 'Write all facts of an answer into its line.')
    .option('--raw', "Write the endpoint's whole answer into its line.")
    .option('--body <json>', 'Further fields of every request, as \'{"seed":7}\' or @file.')
    .option('--omit <field>', 'Field that requests do not have, as temperature. Repeatable.', collect)
    .option('--rename <field=name>', 'Other name of a field, as max_tokens=max_output. Repeatable.', collect)
    .addOption(apiOption())
    .addOption(number('--embed-batch <n>', 'Items in one request for embeddings.', EMBED_BATCH))
    .addOption(dedupeOption())
    .option('--reuse <run>', 'Take answers from an earlier run: its id, its results, or last.')
    .addOption(number('--pack <n>', 'Items in one activity. Default: as it goes.'))
    .addOption(number('--rpm <n>', 'Requests a minute at most, on all workers together.'))
    .addOption(number('--tpm <n>', 'Tokens a minute at most, on all workers together.'))
    .addOption(number('--max-total-tokens <n>', 'Tokens of the whole run at most; it pauses there.'))
    .addOption(number('--max-credits <n>', 'Credits of the whole run at most; it pauses there.'))
    .addOption(number('--max-cost <usd>', 'Dollars of the whole run at most, by the prices of --endpoints.'))
    .addOption(new Option('--prefer <what>', 'Endpoints of one order that are asked first.').choices(PREFERENCES))
    .option('--base-url <url>', "OpenAI-compatible endpoint. Default: DRIA_BASE_URL, else Dria's.")
    .option(...API_KEY_FLAG)
    .option(...ENDPOINTS_FLAG)
    .addOption(number('--priority <n>', '1 goes first, 5 last, among runs of the same workers. Default: 3.'))
    .addOption(number('--weight <n>', 'Share of the workers beside other runs, with fairness. Default: 1.'))
    .addOption(number('--heartbeat-timeout <s>', 'Until a lost worker is noticed. Default: 90; embedded: 10.'))
    .option('--webhook <url>', 'Send a signed request there when the run ends or pauses.')
    .option('--search-attributes', 'Set DriaState, DriaModel and DriaEndpoint, for filters.');
}

/** The option that says what the endpoint is asked by. */
export function apiOption(): Option {
  return new Option('--api <name>', "Path to ask. Default: as the items' url says, else chat.").choices(API_NAMES);
}

/** The option that says when items that are the same are asked once. */
function dedupeOption(): Option {
  return new Option('--dedupe <when>', 'Ask items that are the same once. Default: at temperature 0.').choices(DEDUPE);
}

/** The option that says what a command does when its run pauses. */
export function onPauseOption(): Option {
  const description = 'When the run pauses. Default: wait at a terminal, else exit with 4.';
  return new Option('--on-pause <what>', description).choices(['wait', 'exit']);
}

/** The option that names a command for the end of a run. */
export function onCompleteOption(): Option {
  return new Option('--on-complete <command>', 'Run it by the shell when the run ends or pauses, from here.');
}

/** An option whose value is an address to listen on, `host:port` or `[::1]:port`. */
export function address(flags: string, description: string): Option {
  return new Option(flags, description).argParser(parseListenAddress);
}

/** Flags of the commands about a run that is there already. */
export const runFlagsSchema = temporalFlagsSchema.extend({
  ...formatFlagsSchema.shape,
  output: outputSchema,
  baseUrl: z.string().optional(),
  endpoints: z.string().optional(),
  onPause: onPauseSchema,
  onComplete: z.string().optional(),
  json: z.boolean().default(false),
});
export type RunFlags = z.infer<typeof runFlagsSchema>;

/** Flags of `runs`. */
export const listFlagsSchema = temporalFlagsSchema.extend({
  state: z.array(z.string()).default([]),
  model: z.string().optional(),
  since: z.string().optional(),
  input: z.string().optional(),
  limit: z.number(),
  all: z.boolean().default(false),
  json: z.boolean().default(false),
});
export type ListFlags = z.infer<typeof listFlagsSchema>;

/** Flags of `cancel` beside those of all runs. */
export const cancelFlagsSchema = runFlagsSchema.extend({
  discard: z.boolean().default(false),
  yes: z.boolean().default(false),
});
export type CancelFlags = z.infer<typeof cancelFlagsSchema>;

/** Flags of `retry`, without what changes. */
export const retryFlagsSchema = runFlagsSchema.extend({
  schema: z.string().optional(),
  schemaFile: z.string().optional(),
});
export type RetryFlags = z.infer<typeof retryFlagsSchema>;

/** Flags of `results`. */
export const resultsFlagsSchema = temporalFlagsSchema.extend({
  ...formatFlagsSchema.shape,
  output: outputSchema,
  partial: z.boolean().default(false),
  failed: z.boolean().default(false),
  sinceLast: z.boolean().default(false),
  cursor: z.string().optional(),
  follow: z.boolean().default(false),
});
export type ResultsFlags = z.infer<typeof resultsFlagsSchema>;

/** Flags of `report`. */
const reportFlagsSchema = placeFlagsSchema.extend({
  output: outputSchema,
  rows: z.int().min(1).optional(),
});
export type ReportFlags = z.infer<typeof reportFlagsSchema>;

/** The flags of `report`. Throws a `UserError` that names the flag whose value is out of range. */
export function parseReportFlags(flags: unknown): ReportFlags {
  return parseFlags(reportFlagsSchema, flags);
}

const addressSchema = z.object({ host: z.string(), port: z.number() });

/** A part of a worker's version: what is empty, as a variable in a manifest may be, is absent. */
const versionPart = z
  .string()
  .optional()
  .transform((text) => (text?.trim() ? text.trim() : undefined));

/** Flags of `worker`. */
const workerFlagsSchema = temporalFlagsSchema.extend({
  baseUrl: z.string().optional(),
  endpoints: z.string().optional(),
  maxRequests: z.int().min(1).max(5000),
  activitySlots: z.int().min(1).max(10_000).optional(),
  workflowSlots: z.int().min(2).max(10_000).optional(),
  shutdownGrace: z.number().min(0).max(3600),
  deploymentName: versionPart,
  buildId: versionPart,
  tenants: z.string().optional(),
  healthAddress: addressSchema.optional(),
  metricsAddress: addressSchema.optional(),
  webhookHosts: z.string().optional(),
});
export type WorkerFlags = z.infer<typeof workerFlagsSchema>;

/** The flags of `worker`. Throws a `UserError` that names the flag whose value is out of range. */
export function parseWorkerFlags(flags: unknown): WorkerFlags {
  return parseFlags(workerFlagsSchema, flags);
}
