import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { parseKey } from '../dria/api-key.js';
import { normalBaseUrl } from '../dria/base-url.js';
import { isDriaError } from '../dria/errors.js';
import { openStorage } from '../storage/open-storage.js';
import { checkTenants, type Tenant } from '../tenants.js';
import { UserError } from './errors.js';

const names = z.array(z.string().min(1)).min(1).optional();

/** Keys have small letters: one that stands in the place of its variable is refused, and not repeated as a variable that is not set. */
const variable = z
  .string()
  .regex(/^[A-Z_][A-Z0-9_]*$/, 'it must be the name of an environment variable, in capitals, and not the key itself');

const fileSchema = z.strictObject({
  tenants: z
    .array(
      z.strictObject({
        name: z.string().min(1),
        namespaces: names,
        taskQueues: names,
        apiKeyEnv: variable,
        baseUrl: z.string().optional(),
        storage: z.string().min(1).optional(),
      }),
    )
    .min(1),
});
type Entry = z.infer<typeof fileSchema>['tenants'][number];

/**
 * Reads the table of `worker --tenants`: JSON, whose keys are names of environment variables. Checks all that can be checked
 * before a worker starts. Throws a `UserError` that names the file and the field, and repeats no value of a key.
 */
export async function readTenants(path: string, env: NodeJS.ProcessEnv): Promise<Tenant[]> {
  const parsed = fileSchema.safeParse(await readJson(path));
  if (!parsed.success) {
    const problems = parsed.error.issues.map(({ path: at, message }) => `${path}: ${fieldOf(at)}${message}`);
    throw wrong(problems.join('\n'));
  }
  const tenants: Tenant[] = [];
  for (const [at, entry] of parsed.data.tenants.entries())
    tenants.push(await tenantOf(`${path}: tenants[${at}]`, entry, env));
  try {
    checkTenants(tenants);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw wrong(`${path}: ${error.message}`);
  }
  return tenants;
}

async function readJson(path: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new UserError(`--tenants: ${path} cannot be read`, { exitCode: 2, cause });
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    // Without the engine's words: they quote the file, and somebody may have put a key into it.
    const position = /position (\d+)/.exec(String(error))?.[1];
    const line = position === undefined ? '' : ` at line ${text.slice(0, Number(position)).split('\n').length}`;
    throw wrong(`${path}: it is not JSON${line}`);
  }
}

async function tenantOf(place: string, { apiKeyEnv, ...entry }: Entry, env: NodeJS.ProcessEnv): Promise<Tenant> {
  const apiKey = keyIn(apiKeyEnv, `${place}.apiKeyEnv`, env);
  const { name, namespaces, taskQueues, baseUrl, storage } = entry;
  if (storage !== undefined) await checkStorage(storage, `${place}.storage`, env);
  return {
    name,
    apiKey,
    ...(namespaces === undefined ? {} : { namespaces }),
    ...(taskQueues === undefined ? {} : { taskQueues }),
    ...(baseUrl === undefined ? {} : { baseUrl: urlIn(baseUrl, `${place}.baseUrl`) }),
    ...(storage === undefined ? {} : { storage }),
  };
}

function keyIn(name: string, place: string, env: NodeJS.ProcessEnv): string {
  try {
    const key = parseKey(env[name]);
    if (key !== undefined) return key;
  } catch (error) {
    if (!isDriaError(error)) throw error;
    throw wrong(`${place}: ${name}: ${error.message}`);
  }
  throw wrong(`${place}: the environment variable ${name} is not set`);
}

function urlIn(text: string, place: string): string {
  try {
    return normalBaseUrl(text);
  } catch (error) {
    if (!isDriaError(error)) throw error;
    throw wrong(`${place}: ${error.message}`);
  }
}

async function checkStorage(root: string, place: string, env: NodeJS.ProcessEnv): Promise<void> {
  try {
    await openStorage(root, env).check();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw wrong(`${place}: the storage cannot be used: ${reason}`);
  }
}

function fieldOf(path: readonly PropertyKey[]): string {
  const field = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('');
  return field === '' ? '' : `${field.replace(/^\./, '')}: `;
}

function wrong(message: string): UserError {
  return new UserError(message, {
    exitCode: 2,
    hint: 'The file has {"tenants": [{"name", "namespaces", "taskQueues", "apiKeyEnv", "baseUrl", "storage"}]}; a key stands in the environment, under the name in apiKeyEnv.',
  });
}
