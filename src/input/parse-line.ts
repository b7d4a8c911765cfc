import { isUtf8 } from 'node:buffer';
import type { ApiName } from '../batch/api.js';
import { type InputLine, type ItemId, inputLineSchema } from '../batch/items.js';
import { MAX_MODEL_LENGTH } from '../batch/limits.js';
import { bodyProblem, deliveryProblem } from '../batch/request-form.js';
import { entriesOf, inputProblems, messageProblems, textOf } from './conversation.js';
import type { FieldProblem } from './errors.js';
import { explainIssues, explainJsonError } from './explain-line.js';
import { fromOpenAiLine } from './openai-line.js';

/** A line read, or why it cannot be. */
export type ParsedLine =
  | { readonly ok: true; readonly value: ParsedItem }
  | {
      readonly ok: false;
      /** At least one. */
      readonly problems: readonly FieldProblem[];
      /** What the line says of its id all the same: `id` absent means it has none. Undefined when it cannot be told. */
      readonly identity: { readonly id?: ItemId } | undefined;
    };

const REPLACEMENT = '\ufffd';

/** Reads one line of the input, without its line end. */
export function parseLine(content: Buffer): ParsedLine {
  const text = content.toString('utf8');
  // Decoding puts U+FFFD for what is not UTF-8, so that the check of the bytes is needed only for text that has one.
  if (text.includes(REPLACEMENT) && !isUtf8(content)) {
    return unreadable(`not valid UTF-8 (byte ${invalidUtf8At(content, text) + 1} of the line)`);
  }
  try {
    const value: unknown = JSON.parse(text);
    if (text.includes('null')) dropNulls(value);
    return parseValue(value);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return unreadable(explainJsonError(text, error));
  }
}

/** An input line with the text of its prompt, or of what it has instead. */
export interface ParsedItem extends InputLine {
  prompt: string;
  /** What it says that the endpoint is to be asked by. */
  api?: ApiName;
  /** What it asks, in the form of its path, instead of a prompt and messages. */
  input?: unknown;
}

function parseValue(value: unknown): ParsedLine {
  if (isPlainLine(value)) return checkId(value, value.prompt);
  const openAi = typeof value === 'object' && value !== null ? fromOpenAiLine(value) : undefined;
  if (openAi !== undefined && 'problems' in openAi) return { ok: false, ...openAi, identity: undefined };
  const own = openAi === undefined ? value : openAi.item;
  const { success, data, error } = inputLineSchema.safeParse(own);
  if (!success) return { ok: false, problems: explainIssues(own, error), identity: identityOf(own) };
  const asked: InputLine & OfPath = openAi === undefined ? data : { ...data, ...takenApart(openAi) };
  const problems = lineProblems(asked, openAi !== undefined);
  if (problems.length > 0) return { ok: false, problems, identity: identityOf(own) };
  const { prompt = textOf(asked.messages ?? entriesOf(asked.input)) } = asked;
  return checkId(asked, prompt);
}

/** What an item has of a path of its own. */
type OfPath = Pick<ParsedItem, 'api' | 'input'>;

function takenApart({ api, input }: OfPath): OfPath {
  return { ...(api === undefined ? {} : { api }), ...(input === undefined ? {} : { input }) };
}

/** What no schema of single fields finds. */
function lineProblems(
  { prompt, messages, attachment, attachments, body, input, api }: InputLine & OfPath,
  isOpenAi: boolean,
): FieldProblem[] {
  const isEmpty = prompt === undefined && messages === undefined && input === undefined;
  if (isEmpty && api !== 'responses') return [{ field: 'prompt', message: 'missing' }];
  const both = { field: 'messages', message: 'an item has a prompt or messages, not both' };
  const apart = (field: string): FieldProblem => ({
    field,
    message: 'goes with a prompt: messages have their pictures, sounds and files as parts',
  });
  // What is left of OpenAI's body is not ours to fill.
  const problemOf = isOpenAi ? deliveryProblem : bodyProblem;
  const refused = body === undefined ? undefined : problemOf(body);
  return [
    ...(prompt !== undefined && messages !== undefined ? [both] : []),
    ...(attachment !== undefined && messages !== undefined ? [apart('attachment')] : []),
    ...(attachments !== undefined && messages !== undefined ? [apart('attachments')] : []),
    ...(messages === undefined ? [] : messageProblems(messages)),
    ...(input === undefined ? [] : inputProblems(input)),
    ...(refused === undefined ? [] : [{ field: 'body', message: refused }]),
  ];
}

/** Fields that a line may leave out. Tools such as pandas and Spark write `null` for them. */
const OPTIONAL_FIELDS = [
  'id',
  'messages',
  'attachment',
  'attachments',
  'system',
  'model',
  'max_tokens',
  'temperature',
  'schema',
  'body',
  'columns',
  'error',
] as const;

/** Fields of the usual line. */
const PLAIN_FIELDS: ReadonlySet<string> = new Set([
  'prompt',
  'id',
  'attachment',
  'system',
  'model',
  'columns',
  'error',
]);

/** Removes optional fields that are `null` from a parsed line: they count as absent. */
function dropNulls(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  for (const field of OPTIONAL_FIELDS) {
    if (field in value && Reflect.get(value, field) === null) Reflect.deleteProperty(value, field);
  }
}

/** The schema by hand, for the usual line: 20 times as fast. Whatever it refuses goes to the schema. */
function isPlainLine(value: unknown): value is ParsedItem {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  for (const key in value) if (!PLAIN_FIELDS.has(key)) return false;
  if (!('prompt' in value) || !isNotBlank(value.prompt)) return false;
  if ('id' in value && !isItemId(value.id)) return false;
  if ('error' in value && typeof value.error !== 'string') return false;
  if ('system' in value && !isNotBlank(value.system)) return false;
  if ('model' in value && !isModelName(value.model)) return false;
  if ('columns' in value && !isObject(value.columns)) return false;
  return !('attachment' in value) || (typeof value.attachment === 'string' && value.attachment !== '');
}

function isNotBlank(value: unknown): boolean {
  return typeof value === 'string' && value.trim() !== '';
}

function isModelName(value: unknown): boolean {
  return typeof value === 'string' && value !== '' && value.length <= MAX_MODEL_LENGTH;
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isItemId(id: unknown): id is ItemId {
  return typeof id === 'string' ? id !== '' : Number.isFinite(id);
}

/** An integer over 2^53 has been rounded by now: it would come out as another id than the one in the file. */
function checkId(value: InputLine & OfPath, prompt: string): ParsedLine {
  if (value.id === undefined || !isRounded(value.id)) return { ok: true, value: Object.assign(value, { prompt }) };
  const message = 'a number this large is not kept exactly: write it as text, in quotes';
  return { ok: false, problems: [{ field: 'id', message }], identity: undefined };
}

/** Returns what a line says of its id: `id` absent means it has none. Undefined when it cannot be told. */
export function identityOf(value: unknown): { id?: ItemId } | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  if (!('id' in value)) return {};
  return isItemId(value.id) && !isRounded(value.id) ? { id: value.id } : undefined;
}

function isRounded(id: ItemId): boolean {
  return typeof id === 'number' && Number.isInteger(id) && !Number.isSafeInteger(id);
}

function unreadable(message: string): ParsedLine {
  return { ok: false, problems: [{ message }], identity: undefined };
}

/** Index of the first byte that is not UTF-8. */
function invalidUtf8At(content: Buffer, text: string): number {
  const written = Buffer.from(REPLACEMENT);
  let bytes = 0;
  let from = 0;
  for (let at = text.indexOf(REPLACEMENT); at !== -1; at = text.indexOf(REPLACEMENT, from)) {
    bytes += Buffer.byteLength(text.slice(from, at));
    // A U+FFFD that the file really has is no error.
    if (!content.subarray(bytes, bytes + written.length).equals(written)) return bytes;
    bytes += written.length;
    from = at + 1;
  }
  return bytes;
}
