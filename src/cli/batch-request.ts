import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import type { z } from 'zod';
import { placeProblem } from '../batch/api.js';
import { asksOnce, type BatchOptions, batchOptionsSchema, type JsonSchema } from '../batch/options.js';
import { parseSchemaShorthand } from '../batch/schema.js';
import { DEFAULT_BASE_URL } from '../dria/default-base-url.js';
import { baseUrlFromFlags } from './base-url.js';
import { UserError } from './errors.js';
import { checkKey, ownHeaders } from './own-headers.js';
import { requestFormFromFlags } from './request-form-flags.js';
import type { BatchFlags, RunOptionFlags } from './run-flags.js';
import { readText } from './text-or-file.js';

/** The flags behind the options, for messages. */
const FLAG_OF: Readonly<Record<string, string>> = {
  model: '--model',
  concurrency: '--concurrency',
  retries: '--retries',
  maxTokens: '--max-tokens',
  temperature: '--temperature',
  timeoutSecs: '--timeout',
  maxWaitSecs: '--max-wait',
  pack: '--pack',
  rpm: '--rpm',
  tpm: '--tpm',
  maxTotalTokens: '--max-total-tokens',
  maxCredits: '--max-credits',
  maxCost: '--max-cost',
  canary: '--canary',
  body: '--body',
  omit: '--omit',
  rename: '--rename',
  api: '--api',
  embedBatch: '--embed-batch',
};

/** The batch options that flags ask for. Throws a `UserError` that names the flag. */
export async function optionsFromFlags(
  flags: RunOptionFlags & Pick<BatchFlags, 'canary'>,
  interrupt: AbortSignal,
): Promise<BatchOptions> {
  const schema = await readSchema(flags, interrupt);
  const parsed = batchOptionsSchema.safeParse({
    concurrency: flags.concurrency,
    retries: flags.retries,
    repair: flags.repair,
    groupPrefix: flags.groupPrefix,
    maxTokens: flags.maxTokens,
    temperature: flags.temperature,
    timeoutSecs: flags.timeout,
    maxWaitSecs: flags.maxWait,
    skipInvalid: flags.skipInvalid,
    detail: flags.detail,
    raw: flags.raw,
    ...(await requestFormFromFlags(flags, interrupt)),
    dedupe: flags.dedupe,
    embedBatch: flags.embedBatch,
    ...(flags.api === undefined ? {} : { api: flags.api }),
    ...(flags.model === undefined ? {} : { model: flags.model }),
    ...(flags.pack === undefined ? {} : { pack: flags.pack }),
    ...(flags.rpm === undefined ? {} : { rpm: flags.rpm }),
    ...(flags.tpm === undefined ? {} : { tpm: flags.tpm }),
    ...(flags.maxTotalTokens === undefined ? {} : { maxTotalTokens: flags.maxTotalTokens }),
    ...(flags.maxCredits === undefined ? {} : { maxCredits: flags.maxCredits }),
    ...(flags.maxCost === undefined ? {} : { maxCost: flags.maxCost }),
    ...(flags.prefer === undefined ? {} : { prefer: flags.prefer }),
    ...(flags.canary === undefined ? {} : { canary: flags.canary }),
    ...(schema === undefined ? {} : { schema }),
  });
  if (!parsed.success) throw new UserError(optionProblems(parsed.error), { exitCode: 2 });
  const problem = flags.api === undefined ? undefined : placeProblem(flags.api, parsed.data);
  if (problem !== undefined) throw new UserError(`--api ${flags.api}: ${problem}`, { exitCode: 2 });
  return parsed.data;
}

function optionProblems(error: z.ZodError): string {
  return error.issues
    .map(({ path, message }) => `${FLAG_OF[String(path[0])] ?? String(path[0])}: ${message}`)
    .join('\n');
}

/** The schema that flags give, checked. Throws a `UserError` that names the flag. */
export async function readSchema(
  { schema, schemaFile }: Pick<BatchFlags, 'schema' | 'schemaFile'>,
  interrupt: AbortSignal,
): Promise<JsonSchema | undefined> {
  if (schema !== undefined && schemaFile !== undefined) {
    throw new UserError('--schema and --schema-file are both given: use one of them', { exitCode: 2 });
  }
  if (schema === undefined && schemaFile === undefined) return undefined;
  try {
    const found =
      schema === undefined ? await readSchemaFile(schemaFile ?? '', interrupt) : parseSchemaShorthand(schema);
    const { compileAnswerSchema } = await import('../dria/answer-check.js');
    return compileAnswerSchema(found).schema;
  } catch (error) {
    if (error instanceof UserError) throw error;
    const flag = schema === undefined ? `--schema-file ${schemaFile}` : '--schema';
    throw new UserError(`${flag}: ${error instanceof Error ? error.message : String(error)}`, {
      exitCode: 2,
      cause: error,
    });
  }
}

async function readSchemaFile(path: string, interrupt: AbortSignal): Promise<unknown> {
  const text = await readText('--schema-file', path, interrupt);
  try {
    return JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UserError(`--schema-file ${path}: not JSON: ${reason}`, { exitCode: 2, cause: error });
  }
}

/**
 * The endpoint's base URL. Throws a `UserError` when it is none or may hold a secret, for headers that are none, or when
 * the key for Dria's own endpoint is missing: another endpoint may need none.
 */
export function endpointFromFlags(baseUrl: string | undefined, env: NodeJS.ProcessEnv): string {
  const url = baseUrlFromFlags(baseUrl, env);
  ownHeaders(env);
  checkKey(env);
  if (url === DEFAULT_BASE_URL && !env.DRIA_API_KEY) {
    throw new UserError('DRIA_API_KEY is not set', {
      exitCode: 2,
      hint: 'Set it to your key, or try without one: `dria-temporal simulate` and --base-url with the address it prints.',
    });
  }
  return url;
}

/** What makes a run the same run when its command is given again. */
export interface RunIdentity {
  /** SHA-256 of the input, hex. */
  readonly sha256: string;
  /** The input's name, for a readable id. */
  readonly name: string;
  readonly endpoint: string;
  readonly options: BatchOptions;
  readonly attachments: { readonly folder: string; readonly roots: readonly string[] };
}

/**
 * The id of a run: the input's name and a hash of what its answers depend on. How fast and how stubbornly they are
 * fetched, and from which earlier run some are taken, is left out, so that a command given again with more permits goes on with
 * the same run.
 */
export function runIdOf({ sha256, name, endpoint, options, attachments }: RunIdentity): string {
  const { model, maxTokens, temperature, schema, system, skipInvalid, detail, raw, body, omit, rename } = options;
  const facts = [
    sha256,
    endpoint,
    model,
    maxTokens,
    temperature,
    schema,
    system,
    skipInvalid,
    detail,
    raw,
    body,
    omit,
    rename,
    asksOnce(options),
    attachments,
    ...(options.api === undefined ? [] : [options.api]),
  ];
  const hash = createHash('sha256').update(JSON.stringify(facts)).digest('hex').slice(0, 12);
  const stem = (name.split(/[/\\]/).at(-1) ?? '')
    .replace(/\.[^.]*$/, '')
    .replace(/[^\p{L}\p{N}_-]+/gu, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 40);
  return stem === '' ? `batch-${hash}` : `${stem}-${hash}`;
}

/** A run id that a user gives. Throws a `UserError` for one that would be awkward in URLs and folders. */
export function checkRunId(id: string, what = '--id'): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/.test(id)) return id;
  throw new UserError(`${what}: letters, digits, ".", "_" and "-" only, 200 characters at most`, { exitCode: 2 });
}

/** Throws a `UserError` for a priority or a weight that Temporal does not have, and for a time-out that makes no sense. */
export function checkScheduling({ priority, weight, heartbeatTimeout }: RunOptionFlags): void {
  if (priority !== undefined && ![1, 2, 3, 4, 5].includes(priority)) {
    throw new UserError('--priority: a whole number from 1, which goes first, to 5', { exitCode: 2 });
  }
  if (weight !== undefined && !(weight >= 0.001 && weight <= 1000)) {
    throw new UserError('--weight: a number from 0.001 to 1000; 1 is the default', { exitCode: 2 });
  }
  if (heartbeatTimeout !== undefined && !(heartbeatTimeout >= 1 && heartbeatTimeout <= 3600)) {
    throw new UserError('--heartbeat-timeout: seconds from 1 to 3600', { exitCode: 2 });
  }
}

/** Attachment folders as the workers need them. */
export function attachmentRoots(flags: RunOptionFlags): string[] {
  return flags.attachmentsRoot.map((folder) => resolve(folder));
}
