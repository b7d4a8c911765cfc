import type { InputLine } from './items.js';

/** A prompt in memory: its text, or an input record. */
export type PromptItem = string | InputLine | { readonly [field: string]: unknown };

/** A line of the results: an answer has `output`, a failed item `error`. */
export interface OutputLine {
  /** The item's id: that of its input record, else its line. */
  readonly id: string | number;
  /** The model that answered; null if none was asked. */
  readonly model: string | null;
  /** The answer. */
  readonly output?: string;
  /** The vector of an item that was asked by `embeddings`, as numbers or base64, in the place of `output`. */
  readonly embedding?: readonly number[] | string;
  /** Its vectors, if it has several inputs. */
  readonly embeddings?: readonly (readonly number[] | string)[];
  /** The checked value of `output`, for a run with a schema. */
  readonly parsed?: unknown;
  /** `<status or kind>: <message>`. */
  readonly error?: string;
  /** The input's columns that its record had under `columns`, as they were. */
  readonly columns?: Readonly<Record<string, unknown>>;
  /** `usage.total_tokens` of the answer. */
  readonly tokens?: number;
  /** The facts that `options.detail` adds. */
  readonly [detail: string]: unknown;
}

/** Output lines that fit into one payload. */
export interface ResultsPage {
  readonly lines: readonly OutputLine[];
  /** Size of the whole results (bytes). */
  readonly size: number;
  /** The byte that the next page begins with; absent on the last. */
  readonly next?: number;
}

/**
 * Maximum size of a page of results (bytes), and of a portion of prompts (characters). Temporal refuses payloads above
 * 2 MB and warns above 512 kB; a codec adds to them.
 */
export const MAX_PAGE_BYTES = 400_000;

/** Maximum size of a single output line in a page (bytes), which then has no other. */
export const MAX_LINE_BYTES = 1_500_000;

/**
 * Maximum size of all prompts, or of all results, that a workflow passes through its history (bytes). Temporal warns of a
 * history above 10 MB and ends the workflow at 50 MB.
 */
export const MAX_IN_HISTORY_BYTES = 8_000_000;

/** Maximum size of results that the workflow's own result may carry (bytes). */
export const MAX_INLINE_BYTES = 256 * 1024;

/** Returns items in portions, each small enough for one payload. Throws a `RangeError` that says what to do for more than a workflow should carry. */
export function portionsOf(items: readonly PromptItem[]): PromptItem[][] {
  const portions: PromptItem[][] = [];
  let portion: PromptItem[] = [];
  let size = 0;
  let total = 0;
  items.forEach((item, at) => {
    const itemSize = sizeOf(item);
    if (itemSize > MAX_LINE_BYTES) throw new RangeError(tooLarge(`prompt ${at + 1} has ${megabytes(itemSize)} MB`));
    total += itemSize;
    if (portion.length > 0 && size + itemSize > MAX_PAGE_BYTES) {
      portions.push(portion);
      portion = [];
      size = 0;
    }
    portion.push(item);
    size += itemSize;
  });
  if (total > MAX_IN_HISTORY_BYTES) throw new RangeError(tooLarge(`the prompts have ${megabytes(total)} MB`));
  if (portion.length > 0) portions.push(portion);
  return portions;
}

function tooLarge(what: string): string {
  return (
    `${what}, more than a workflow's history should carry: stage them in an activity of your own, with ` +
    '`stagePrompts` from dria-temporal, and give the workflow the key that it returns'
  );
}

/** Returns why results are not read through a workflow's history; undefined if they may be. */
export function tooLargeToRead(size: number): string | undefined {
  if (size <= MAX_IN_HISTORY_BYTES) return undefined;
  return (
    `the results have ${megabytes(size)} MB, more than a workflow's history should carry: read them in an activity of your ` +
    'own, with `readResults` from dria-temporal'
  );
}

/** Returns why the result has no `lines`. */
export function notInline(size: number): string {
  return `the results have ${size} bytes, and up to ${MAX_INLINE_BYTES} are returned inline: read them by \`results\`, with \`readResults\``;
}

/** Returns the size of an item in a payload (bytes). */
function sizeOf(item: PromptItem): number {
  let size = 0;
  // There is no encoder in a workflow: UTF-8 has one to three bytes for each unit of a string.
  for (const char of JSON.stringify(item) ?? '') size += utf8Length(char.codePointAt(0) ?? 0);
  return size + 1;
}

function utf8Length(code: number): number {
  if (code < 0x80) return 1;
  if (code < 0x800) return 2;
  return code < 0x10000 ? 3 : 4;
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
