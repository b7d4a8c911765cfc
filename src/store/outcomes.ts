import { z } from 'zod';
import { oneLineJson } from '../batch/json-line.js';
import { countSchema, timeSchema } from '../batch/numbers.js';
import { isWhole, sealed } from '../storage/seal.js';

/** Output line of an answered item, as far as the store needs to know it. */
export interface ResultLine {
  readonly id: string | number;
  readonly model: string;
  readonly tokens: number;
  readonly [field: string]: unknown;
}

/** Requests of an item: its retries, at all targets, and those that do not count. */
const requests = z.int().min(0).max(100_000);

/** What is only shown or added up is left out if it makes no sense: the outcome beside it counts all the same. */
const tokens = countSchema.optional().catch(undefined);
const time = timeSchema.optional().catch(undefined);

const item = countSchema;
const id = z.union([z.string(), z.number()]);

/** An answer that does not satisfy the schema, as records keep it. */
const invalidSchema = z.object({
  /** Its text, or the first {@link INVALID_CHARS} characters of it. */
  text: z.string(),
  /** Length of the whole text, characters. */
  length: countSchema,
});
export type InvalidAnswer = z.infer<typeof invalidSchema>;

/** Characters of an invalid answer that are kept: more than most have, and it travels in a conversation. */
export const INVALID_CHARS = 16_000;

/** Returns the text of an invalid answer as records keep it. */
export function invalidAnswer(text: string): InvalidAnswer {
  const { length } = text;
  // Half of a surrogate pair at the cut would be no text to some readers.
  return {
    text: length <= INVALID_CHARS ? text : text.slice(0, INVALID_CHARS).replace(/[\ud800-\udbff]$/, ''),
    length,
  };
}

const answerSchema = z.object({
  item,
  /** The answer was cut at the token limit. */
  truncated: z.boolean().optional(),
  /** The answer was cut by a content filter. */
  filtered: z.boolean().optional(),
  /** It was asked together with an item before it, whose request counts. */
  joined: z.boolean().optional(),
  /** Tokens of the prompt that came from the endpoint's cache. */
  cached: tokens,
  /** What it has cost, in billionths of a dollar. */
  cost: tokens,
  /** It was asked otherwise than the run asks as a whole: after a change of its options. */
  changed: z.boolean().optional(),
  /** When the answer came (epoch ms). */
  at: time,
  /** Time of the request without its wait for a permit (ms). */
  ms: time,
  // Checked but not rebuilt: the line's fields keep their order.
  result: z.custom<ResultLine>(isResultLine),
});

const failureSchema = z.object({
  item,
  /** Id for the error line, so that it can be written without the input. */
  id,
  at: time,
  failure: z.object({
    /** Last target asked; empty if there was none. */
    target: z.string(),
    /** `<status or kind>: <message>`, as in the output line. */
    error: z.string(),
    /** The error for histories, if it quotes the prompt or the answer. */
    shown: z.string().optional(),
    /** Requests sent for the item. */
    attempts: requests,
    /** Targets asked, oldest first. */
    tried: z.array(z.string()).readonly(),
    /** It was asked together with an item before it at last, whose request counts. */
    joined: z.boolean().optional(),
    /** The last answer, if it was one against the schema and output lines have all facts. */
    invalid: invalidSchema.optional(),
  }),
});

const trySchema = z.object({
  item,
  /** Names the pack that made the attempt. */
  by: z.string().optional(),
  try: z.object({
    target: z.string(),
    error: z.string(),
    /** Number of the attempt among all of the item's, 1 for the first. */
    attempt: requests,
    /** Cost of an answer that was of no use. */
    tokens,
    /** The same in billionths of a dollar. */
    cost: tokens,
    /** It was an answer with nothing in it. */
    empty: z.boolean().optional(),
    /** It was asked together with an item before it, whose request counts. */
    joined: z.boolean().optional(),
    /** It was an answer against the schema, that its target is to repair. */
    invalid: invalidSchema.optional(),
  }),
});

const sentSchema = z.object({
  item,
  /** Names the pack whose request it is. */
  by: z.string(),
  /** Target asked. */
  sent: z.string(),
});

/** How an item ended well. */
export type AnswerRecord = z.infer<typeof answerSchema>;

/** How an item ended without an answer. */
export type FailureRecord = z.infer<typeof failureSchema>;

/** An attempt that failed and was not the item's last, so that it still counts after its worker has died. */
export type TryRecord = z.infer<typeof trySchema>;

/** A request that went out, so that it counts if its worker dies before it brings anything. */
export type SentRecord = z.infer<typeof sentSchema>;

/** A line of a segment. */
export type OutcomeRecord = AnswerRecord | FailureRecord | TryRecord | SentRecord;

function isResultLine(value: unknown): value is ResultLine {
  return (
    typeof value === 'object' &&
    value !== null &&
    'id' in value &&
    (typeof value.id === 'string' || typeof value.id === 'number') &&
    'model' in value &&
    typeof value.model === 'string' &&
    'tokens' in value &&
    typeof value.tokens === 'number'
  );
}

/** Returns a record as a segment's line, with its line end; `line` is an answer's output line if it is written already. */
export function outcomeLine(record: OutcomeRecord, line?: string): Buffer {
  if ('result' in record) return sealed(answerHead(record), line ?? oneLineJson(record.result));
  return sealed('', oneLineJson(record).slice(0, -1));
}

/** Returns what stands before the result in an answer's line, so that a result can be copied as it is. */
export function answerHead({
  item,
  truncated,
  filtered,
  joined,
  cached,
  cost,
  changed,
  at,
  ms,
}: Omit<AnswerRecord, 'result'>): string {
  return `${JSON.stringify({ item, truncated, filtered, joined, cached, cost, changed, at, ms }).slice(0, -1)},"result":`;
}

/** What stands before an answer's result: no strings, so that a search cannot find it in the answer itself. */
const ANSWER_HEAD =
  /^\{"item":\d+(?:,"(?:truncated|filtered|joined|cached|cost|changed|at|ms)":[\w.+-]+)*,"result":(?=\{)/;

/** Bytes of a line that hold its head. */
const HEAD_BYTES = 200;

/** Returns where the result begins in an answer's line (all before it is ASCII); undefined if it is not an answer's. */
export function resultStart(line: Buffer): number | undefined {
  return ANSWER_HEAD.exec(line.toString('latin1', 0, HEAD_BYTES))?.[0].length;
}

/** Reads a segment's line, without its line end; undefined for one that is not what was written. */
export function parseOutcome(line: Buffer): OutcomeRecord | undefined {
  if (!isWhole(line)) return undefined;
  try {
    const value: unknown = JSON.parse(line.toString('utf8'));
    if (typeof value !== 'object' || value === null) return undefined;
    if ('result' in value) return resultStart(line) === undefined ? undefined : answerSchema.parse(value);
    if ('failure' in value) return failureSchema.parse(value);
    return 'sent' in value ? sentSchema.parse(value) : trySchema.parse(value);
  } catch {
    return undefined;
  }
}
