import { type Command, InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import { UserError } from './errors.js';
import { parseListenAddress } from './listen-address.js';
import { placeFlagsSchema, temporalFlagsSchema } from './temporal-flags.js';

/** `-` is standard output, as without the flag. */
const outputSchema = z
  .string()
  .optional()
  .transform((path) => (path === '-' ? undefined : path));

/** Flags of `batch`, as commander gives them. */
export const batchFlagsSchema = temporalFlagsSchema.extend({
  model: z.string().optional(),
  output: outputSchema,
  concurrency: z.number(),
  schema: z.string().optional(),
  schemaFile: z.string().optional(),
  retries: z.number(),
  maxTokens: z.number(),
  temperature: z.number(),
  timeout: z.number(),
  json: z.boolean().default(false),
  skipInvalid: z.boolean().default(false),
  attachmentsRoot: z.array(z.string()).default([]),
  detail: z.boolean().default(false),
  pack: z.number().optional(),
  baseUrl: z.string().optional(),
  id: z.string().optional(),
  priority: z.number().optional(),
  heartbeatTimeout: z.number().optional(),
  dryRun: z.boolean().default(false),

  maxTotalTokens: z.number().optional(),
  maxCredits: z.number().optional(),
  canary: z.number().optional(),
  yes: z.boolean().default(false),
});
export type BatchFlags = z.infer<typeof batchFlagsSchema>;

/** Adds the flags that say what a batch is. */
export function addBatchFlags(command: Command): Command {
  return command
    .optionsGroup('Batch:')
    .option('-m, --model <id>', 'The only model to ask. Default: by nodes, from the list.')
    .option('-o, --output <file>', 'Results, JSONL. Default: standard output.')
    .addOption(number('-c, --concurrency <n>', 'Requests in flight at most.', 10))
    .option('--schema <fields>', "Fields of every answer, as 'mood:good|bad,score:number'.")
    .option('--schema-file <file>', 'JSON Schema of every answer.')
    .addOption(number('--retries <n>', 'Further attempts for an item.', 3))
    .addOption(number('--max-tokens <n>', 'Tokens of an answer at most.', 2048))
    .addOption(number('--temperature <t>', 'Sampling temperature.', 0.7))
    .addOption(number('--timeout <s>', 'Time for one answer, seconds.', 120))
    .option('--json', 'Progress as lines of JSON on standard error.')
    .option('--dry-run', 'Check everything, show what a run would be, spend nothing.')
    .option('--skip-invalid', 'Write an error line for an invalid input line.')
    .option('--attachments-root <folder>', 'Further folder for attachments. Repeatable.', collect)
    .option('--detail', 'Write all facts of an answer into its line.')
    .addOption(number('--pack <n>', 'Items in one activity. Default: as it goes.'))
    .addOption(number('--max-total-tokens <n>', 'Tokens of the whole run at most; it pauses there.'))
    .addOption(number('--max-credits <n>', 'Credits of the whole run at most; it pauses there.'))
    .addOption(number('--canary <n>', 'Ask so many items first, spread out; show them, and ask.'))
    .option('-y, --yes', 'Go on after the canary without asking.')
    .option('--base-url <url>', "OpenAI-compatible endpoint. Default: DRIA_BASE_URL, else Dria's.")
    .option('--id <id>', 'Id of the run. Default: from the input and the options.')
    .addOption(number('--priority <n>', '1 goes first, 5 last, among runs of the same workers. Default: 3.'))
    .addOption(number('--heartbeat-timeout <s>', 'Until a lost worker is noticed. Default: 60; embedded: 10.'));
}

/** An option whose value is a number; what is none is refused by name. */
export function number(flags: string, description: string, value?: number): Option {
  const option = new Option(flags, description).argParser(parseNumber);
  return value === undefined ? option : option.default(value);
}

/** An option whose value is an address to listen on, `host:port` or `[::1]:port`. */
export function address(flags: string, description: string): Option {
  return new Option(flags, description).argParser(parseListenAddress);
}

function parseNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('It is not a number.');
  return value;
}

/** Collects the values of a flag that may be given several times. */
export function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}

/** Flags of the commands about a run that is there already. */
export const runFlagsSchema = temporalFlagsSchema.extend({
  output: outputSchema,
  baseUrl: z.string().optional(),
  json: z.boolean().default(false),
});
export type RunFlags = z.infer<typeof runFlagsSchema>;

/** Flags of `runs`. */
export const listFlagsSchema = temporalFlagsSchema.extend({
  state: z.array(z.string()).default([]),
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
  output: outputSchema,
  partial: z.boolean().default(false),
  failed: z.boolean().default(false),
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

/** Flags of `worker`. */
const workerFlagsSchema = temporalFlagsSchema.extend({
  baseUrl: z.string().optional(),
  maxRequests: z.int().min(1).max(5000),
  activitySlots: z.int().min(1).max(10_000).optional(),
  workflowSlots: z.int().min(2).max(10_000).optional(),
  shutdownGrace: z.number().min(0).max(3600),
  healthAddress: addressSchema.optional(),
  metricsAddress: addressSchema.optional(),
});
export type WorkerFlags = z.infer<typeof workerFlagsSchema>;

/** The flags of `worker`. Throws a `UserError` that names the flag whose value is out of range. */
export function parseWorkerFlags(flags: unknown): WorkerFlags {
  return parseFlags(workerFlagsSchema, flags);
}

function parseFlags<T>(schema: z.ZodType<T>, flags: unknown): T {
  const parsed = schema.safeParse(flags);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => {
    const flag = String(path[0]).replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    return `--${flag}: ${message}`;
  });
  throw new UserError(problems.join('\n'), { exitCode: 2 });
}
