import { createHash } from 'node:crypto';
import { z } from 'zod';
import { asksOnce, type BatchOptions } from '../batch/options.js';
import type { ExecutionChain } from '../batch/step-contract.js';
import type { Storage } from '../storage/storage.js';
import { getJson, ifThere } from './json.js';
import { runDirectory } from './run-directory.js';

/** What the answers of a run depend on, by the name of its field; a text that is long is there as its hash. */
export const questionSchema = z.record(z.string(), z.string());
export type Question = z.output<typeof questionSchema>;

const ownerSchema = z.object({
  version: z.literal(1),
  namespace: z.string(),
  /** The namespace's id: two servers may each have a namespace of that name. Absent if the server did not give it. */
  namespaceId: z.string().optional(),
  workflowId: z.string(),
  /** The tenant whose key the run uses; absent on workers without tenants. */
  tenant: z.string().optional(),
  /** Run id of the first execution of the chain: the same over retries, cron, continuing as new and resets. */
  firstRunId: z.string(),
  question: questionSchema,
  /** The chain has come to an end by itself; absent while it runs, and after it was terminated. */
  ended: z.literal(true).optional(),
});

/** Whose a run directory is: an execution chain, and what it asks. */
export type Owner = z.output<typeof ownerSchema>;

/** Writes the owner of a run directory that has none. Returns false if it has one. */
export async function putFirstOwner(storage: Storage, run: string, owner: Owner): Promise<boolean> {
  return await storage.putNew(runDirectory(run).owner, JSON.stringify(owner));
}

/** Writes the owner of a run directory in the place of the one before. */
export async function putOwner(storage: Storage, run: string, owner: Owner): Promise<void> {
  await storage.put(runDirectory(run).owner, JSON.stringify(owner));
}

/** Reads the owner of a run directory; undefined if there is none. */
export async function readOwner(storage: Storage, run: string): Promise<Owner | undefined> {
  return await ifThere(getJson(storage, runDirectory(run).owner, ownerSchema));
}

/** Notes in a run directory that a chain has ended by itself, if it is the owner: others may then take it over. */
export async function endOwnership(storage: Storage, run: string, { firstRunId }: ExecutionChain): Promise<void> {
  const owner = await readOwner(storage, run);
  if (owner?.firstRunId === firstRunId) await putOwner(storage, run, { ...owner, ended: true });
}

/** Returns true if a run directory holds answers, or failures. */
export async function hasOutcomes(storage: Storage, run: string): Promise<boolean> {
  const { prefix } = runDirectory(run);
  const keys = await Promise.all([storage.list(`${prefix}chunks/`), storage.list(`${prefix}parts/`)]);
  return keys.flat().length > 0;
}

/** Options that change how fast and how stubbornly answers are fetched, and not the answers. */
const PACE = {
  concurrency: true,
  retries: true,
  repair: true,
  groupPrefix: true,
  embedBatch: true,
  timeoutSecs: true,
  maxWaitSecs: true,
  pack: true,
  maxTotalTokens: true,
  maxCredits: true,
  maxCost: true,
  endpoints: true,
  prefer: true,
  canary: true,
  rpm: true,
  tpm: true,
  chunkSize: true,
} satisfies { [Option in keyof BatchOptions]?: true };

/** What a question is made of. */
export interface QuestionFacts {
  /** SHA-256 of the input, hex. */
  readonly sha256: string;
  readonly endpoint: string;
  readonly options: BatchOptions;
  /** Where relative attachments are found; absent for an input without attachments. */
  readonly folder?: string | undefined;
}

/** Returns what the answers of a run depend on. An option that is not of its pace counts, so that none is forgotten. */
export function questionOf({ sha256, endpoint, options, folder }: QuestionFacts): Question {
  // At temperature 0 the default is the same as `always`.
  const dedupe = asksOnce(options) ? 'always' : 'never';
  const asked = Object.entries({ ...options, dedupe }).filter(([option]) => !(option in PACE));
  const fields = [
    ['input', sha256],
    ['endpoint', endpoint],
    ...asked.map(([option, value]) => [`options.${option}`, value] as const),
    ['attachments.folder', folder],
  ] as const;
  return Object.fromEntries(fields.flatMap(([field, value]) => (value === undefined ? [] : [[field, short(value)]])));
}

/** Fields of a question that change no request, or that the keys of the items have in them. */
const NOT_ASKED: ReadonlySet<string> = new Set([
  'input',
  'attachments.folder',
  'options.skipInvalid',
  'options.detail',
  'options.dedupe',
]);

/** Returns the fields in which two questions ask about the same item otherwise. */
export function asksOtherwise(a: Question, b: Question): string[] {
  return differingFields(a, b).filter((field) => !NOT_ASKED.has(field));
}

/** Returns true if options that may change while a run goes on, or with `retry`, are not those of its question. */
export function differsFrom(
  question: Question,
  options: Pick<BatchOptions, 'model' | 'maxTokens' | 'temperature' | 'schema'>,
): boolean {
  const { model, maxTokens, temperature, schema } = options;
  return Object.entries({ model, maxTokens, temperature, schema }).some(
    ([option, value]) => question[`options.${option}`] !== (value === undefined ? undefined : short(value)),
  );
}

/** Longest value that a question has as it is, characters. */
const LONGEST_VALUE = 100;

function short(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const isObject = typeof value === 'object' && value !== null;
  return isObject || text.length > LONGEST_VALUE ? digestOf(text) : text;
}

function digestOf(text: string): string {
  return `#${createHash('sha256').update(text).digest('hex').slice(0, 32)}`;
}

/** Returns the fields in which two questions differ. */
export function differingFields(a: Question, b: Question): string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((field) => a[field] !== b[field]);
}
