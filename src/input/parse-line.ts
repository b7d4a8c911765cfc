import { isUtf8 } from 'node:buffer';
import { type InputLine, type ItemId, inputLineSchema } from '../batch/items.js';
import type { LineProblem } from './errors.js';
import { explainIssues, explainJsonError } from './explain-line.js';

/** What is wrong with a line; the caller knows which line it is. */
export type FieldProblem = Omit<LineProblem, 'line'>;

/** A line read, or why it cannot be. */
export type ParsedLine =
  | { readonly ok: true; readonly value: InputLine }
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
    return parseValue(JSON.parse(text));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return unreadable(explainJsonError(text, error));
  }
}

function parseValue(value: unknown): ParsedLine {
  if (isInputLine(value)) return checkId(value);
  const { success, data, error } = inputLineSchema.safeParse(value);
  return success ? checkId(data) : { ok: false, problems: explainIssues(value, error), identity: identityOf(value) };
}

/** The schema by hand, for the usual line: 20 times as fast. Whatever it refuses goes to the schema. */
function isInputLine(value: unknown): value is InputLine {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  for (const key in value)
    if (key !== 'prompt' && key !== 'id' && key !== 'attachment' && key !== 'error') return false;
  if (!('prompt' in value) || typeof value.prompt !== 'string' || value.prompt.trim() === '') return false;
  if ('id' in value && !isItemId(value.id)) return false;
  if ('error' in value && typeof value.error !== 'string') return false;
  return !('attachment' in value) || (typeof value.attachment === 'string' && value.attachment !== '');
}

function isItemId(id: unknown): id is ItemId {
  return typeof id === 'string' ? id !== '' : Number.isFinite(id);
}

/** An integer over 2^53 has been rounded by now: it would come out as another id than the one in the file. */
function checkId(value: InputLine): ParsedLine {
  if (value.id === undefined || !isRounded(value.id)) return { ok: true, value };
  const message = 'a number this large is not kept exactly: write it as text, in quotes';
  return { ok: false, problems: [{ field: 'id', message }], identity: undefined };
}

function identityOf(value: unknown): { id?: ItemId } | undefined {
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
