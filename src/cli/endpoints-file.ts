import { z } from 'zod';
import { ENDPOINT_NAME, type EndpointRules, MAX_ENDPOINTS } from '../batch/endpoint-rules.js';
import { requestFormSchema } from '../batch/request-form.js';
import { parseKey } from '../dria/api-key.js';
import { normalBaseUrl } from '../dria/base-url.js';
import { isDriaError } from '../dria/errors.js';
import { parseOwnHeaders } from '../dria/own-headers.js';
import type { WorkerEndpoint } from '../endpoints.js';
import { UserError } from './errors.js';
import { readText } from './text-or-file.js';

/** What `--endpoints` says. */
export interface EndpointsFile {
  /** What runs may say of it: names and rules. */
  readonly rules: readonly EndpointRules[];
  /** What stays on the worker: addresses and keys. */
  readonly worker: readonly WorkerEndpoint[];
  /** Names and addresses on one line, by which runs tell whether they have the same endpoints. */
  readonly text: string;
}

/** Keys have small letters: one that stands in the place of its variable is refused, and not repeated as a variable that is not set. */
const variable = z
  .string()
  .regex(/^[A-Z_][A-Z0-9_]*$/, 'it must be the name of an environment variable, in capitals, and not the key itself');

const price = z.number().min(0).max(1_000_000);

const prices = { input_price: price.optional(), output_price: price.optional(), cached_price: price.optional() };

const tableSchema = z.strictObject({
  base_url: z.string(),
  api_key_env: variable.optional(),
  headers_env: variable.optional(),
  models: z.array(z.string().min(1)).min(1).optional(),
  order: z.int().min(1).max(1000).optional(),
  weight: z.number().positive().max(1_000_000).optional(),
  max_in_flight: z.int().min(1).max(100_000).optional(),
  rpm: z.number().min(1).optional(),
  tpm: z.number().min(1).optional(),
  ...prices,
  prices: z.record(z.string(), z.strictObject(prices)).optional(),
  ...requestFormSchema.shape,
});
type Table = z.infer<typeof tableSchema>;

/** Fields under which somebody may have put a key. */
const SECRET = /key|token|secret|password|auth|headers?$/i;

/**
 * Reads the file of `--endpoints`: TOML, a table for each endpoint. Keys stand in the environment; with `needsKeys` every variable
 * that the file names must be set. Throws a `UserError` that names the file, the table and the field, and repeats no value.
 */
export async function readEndpointsFile(
  path: string,
  env: NodeJS.ProcessEnv,
  interrupt: AbortSignal,
  { needsKeys }: { readonly needsKeys: boolean },
): Promise<EndpointsFile> {
  const tables = Object.entries(await readToml(path, interrupt));
  if (tables.length === 0) throw wrong(`${path}: it has no tables`);
  if (tables.length > MAX_ENDPOINTS) throw wrong(`${path}: it has more than ${MAX_ENDPOINTS} tables`);
  const parsed = tables.map(([name, table]) => ({ name, table: parseTable(path, name, table) }));
  const worker = parsed.map(({ name, table }) => workerEndpoint(`${path}: [${name}]`, name, table, env, needsKeys));
  for (const [at, { name, baseUrl }] of worker.entries()) {
    const other = worker.slice(0, at).find((earlier) => earlier.baseUrl === baseUrl);
    if (other !== undefined) throw wrong(`${path}: [${name}].base_url: [${other.name}] has the same: give it once`);
  }
  const rules = parsed.map(({ name, table }) => rulesOf(`${path}: [${name}]`, name, table));
  const text = worker.map(({ name, baseUrl }) => `${name}=${baseUrl}`).sort();
  return { rules, worker, text: text.join(' ') };
}

async function readToml(path: string, interrupt: AbortSignal): Promise<Record<string, unknown>> {
  const text = await readText('--endpoints', path, interrupt);
  // Loaded if somebody has such a file: most have none, and a command should start soon.
  const { parse, TomlError } = await import('smol-toml');
  try {
    return parse(text);
  } catch (error) {
    // Without the parser's words: they quote the line, and somebody may have put a key into it.
    if (error instanceof TomlError) throw wrong(`${path}: it is not TOML: line ${error.line}, column ${error.column}`);
    throw error;
  }
}

function parseTable(path: string, name: string, table: unknown): Table {
  if (typeof table !== 'object' || table === null || Array.isArray(table) || table instanceof Date) {
    throw wrong(`${path}: ${name} stands outside of a table`);
  }
  if (!ENDPOINT_NAME.test(name))
    throw wrong(`${path}: [${name}]: a name has letters, digits, - and _ only, 64 at most`);
  const secret = Object.keys(table).find((field) => !(field in tableSchema.shape) && SECRET.test(field));
  if (secret !== undefined) {
    throw wrong(
      `${path}: [${name}].${secret}: keys do not stand in this file: give api_key_env, or headers_env, the name of a variable that holds it`,
    );
  }
  const parsed = tableSchema.safeParse(table);
  if (parsed.success) return parsed.data;
  throw wrong(
    parsed.error.issues
      .map(({ path: at, message }) => `${path}: [${name}]${at.map((part) => `.${String(part)}`).join('')}: ${message}`)
      .join('\n'),
  );
}

function rulesOf(place: string, name: string, table: Table): EndpointRules {
  const { order, weight, max_in_flight: maxInFlight, rpm, tpm, prices: byModel } = table;
  const price = priceIn(place, table);
  const models = Object.entries(byModel ?? {}).flatMap(([model, given]) => {
    const found = priceIn(`${place}.prices.${model}`, given);
    return found === undefined ? [] : [[model, found] as const];
  });
  return {
    name,
    ...(order === undefined ? {} : { order }),
    ...(weight === undefined ? {} : { weight }),
    ...(maxInFlight === undefined ? {} : { maxInFlight }),
    ...(rpm === undefined ? {} : { rpm }),
    ...(tpm === undefined ? {} : { tpm }),
    ...(price === undefined ? {} : { price }),
    ...(models.length === 0 ? {} : { prices: Object.fromEntries(models) }),
  };
}

function priceIn(
  place: string,
  { input_price: input, output_price: output, cached_price: cached }: Pick<Table, keyof typeof prices>,
): EndpointRules['price'] {
  if (input === undefined && output === undefined && cached === undefined) return undefined;
  if (input === undefined || output === undefined) {
    throw wrong(`${place}: a price has input_price and output_price, in dollars per million tokens`);
  }
  return { input, output, ...(cached === undefined ? {} : { cached }) };
}

function workerEndpoint(
  place: string,
  name: string,
  { base_url, api_key_env, headers_env, models, body, omit, rename }: Table,
  env: NodeJS.ProcessEnv,
  needsKeys: boolean,
): WorkerEndpoint {
  const read = <T>(variableName: string | undefined, field: string, parse: (value: string) => T): T | undefined => {
    if (variableName === undefined) return undefined;
    const value = env[variableName];
    if (value) return inWords(`${place}.${field}: ${variableName}`, () => parse(value));
    if (!needsKeys) return undefined;
    throw wrong(`${place}.${field}: the environment variable ${variableName} is not set`);
  };
  const apiKey = read(api_key_env, 'api_key_env', parseKey);
  const headers = read(headers_env, 'headers_env', parseOwnHeaders);
  return {
    name,
    baseUrl: inWords(`${place}.base_url`, () => normalBaseUrl(base_url)),
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(headers === undefined ? {} : { headers }),
    ...(models === undefined ? {} : { models }),
    ...(body === undefined ? {} : { body }),
    ...(omit === undefined ? {} : { omit }),
    ...(rename === undefined ? {} : { rename }),
  };
}

function inWords<T>(place: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!isDriaError(error)) throw error;
    throw wrong(`${place}: ${error.message}`);
  }
}

function wrong(message: string): UserError {
  return new UserError(message, {
    exitCode: 2,
    hint: 'A table is [name] with base_url, api_key_env, models, order, weight, max_in_flight, rpm, tpm, input_price, output_price and others: see docs/endpoints.md.',
  });
}
