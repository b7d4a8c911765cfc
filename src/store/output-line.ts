import { z } from 'zod';
import type { ItemId } from '../batch/items.js';
import { jsonLine } from '../batch/json-line.js';
import { LineSplitter } from '../input/lines.js';
import type { FailureRecord, InvalidAnswer } from './outcomes.js';

/** An output line, with and without `--detail`. */
const outputLineSchema = z.object({
  id: z.union([z.string(), z.number()]),
  model: z.string().nullable(),
  output: z.string().optional(),
  embedding: z.unknown().optional(),
  embeddings: z.array(z.unknown()).optional(),
  error: z.string().optional(),
  tokens: z.number().optional(),
  attempts: z.number().optional(),
  latency_ms: z.number().optional(),
  finish_reason: z.string().nullish(),
  models_tried: z.array(z.string()).optional(),
  invalid_output: z.string().optional(),
});
export type OutputLine = z.infer<typeof outputLineSchema>;

/** Parses an output line. Throws for anything else. */
export function parseOutputLine(line: string | Buffer): OutputLine {
  return outputLineSchema.parse(JSON.parse(line.toString()));
}

/** Returns the output line of a failed item, with its line end. */
export function failureLine({ id, failure }: FailureRecord, detail: boolean): string {
  const { target, error, attempts, tried, invalid } = failure;
  const line = { id, model: target === '' ? null : target, error };
  const raw = invalid === undefined ? {} : { invalid_output: textOf(invalid) };
  return jsonLine(detail ? { ...line, attempts, models_tried: [...new Set(tried)], ...raw } : line);
}

function textOf({ text, length }: InvalidAnswer): string {
  return text.length < length ? `${text}… (${length} characters)` : text;
}

/** Returns the output line of an invalid input line that was skipped, with its line end. */
export function invalidLine(id: ItemId, error: string): string {
  return jsonLine({ id, model: null, error });
}

const ERROR_FIELD = Buffer.from('"error":');

/** Returns the error of an output line; undefined for an answer, also for one whose text is about errors. */
export function errorOf(line: Buffer): string | undefined {
  // Nearly every line is an answer: those need not be parsed.
  return line.includes(ERROR_FIELD) ? parseOutputLine(line).error : undefined;
}

/** Yields what `map` returns for output lines, one an item from `first` on, as {@link mapLines} does. */
export function mapOutputLines<T>(
  pieces: AsyncIterable<Uint8Array>,
  first: number,
  map: (item: number, line: Buffer) => T | undefined,
): AsyncGenerator<readonly T[], void, undefined> {
  let item = first;
  return mapLines(pieces, (line) => map(item++, line));
}

/**
 * Splits lines and yields what `map` returns for them, as the pieces come; `start` is a line's first byte. The line is valid
 * only until `map` returns; undefined leaves it out.
 */
export async function* mapLines<T>(
  pieces: AsyncIterable<Uint8Array>,
  map: (line: Buffer, start: number) => T | undefined,
): AsyncGenerator<readonly T[], void, undefined> {
  let found: T[] = [];
  const splitter = new LineSplitter(({ content, start }) => {
    const mapped = map(content, start);
    if (mapped !== undefined) found.push(mapped);
  }, Number.POSITIVE_INFINITY);
  for await (const piece of pieces) {
    splitter.push(piece);
    if (found.length > 0) yield found;
    found = [];
  }
  splitter.end();
  if (found.length > 0) yield found;
}
