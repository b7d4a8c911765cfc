import { z } from 'zod';
import { countSchema as count, MAX_COUNT, timeSchema } from './numbers.js';

/** What is known of an answer and is not in its output line. */
export interface AnswerFacts {
  /** When the answer came, epoch ms; absent in records of versions that did not note it. */
  readonly at?: number | undefined;
  /** Time of the request, ms, without what it waited for its turn. */
  readonly ms?: number | undefined;
  /** Cut at the token limit. */
  readonly truncated?: boolean | undefined;
  /** Cut by a content filter. */
  readonly filtered?: boolean | undefined;
  /** Asked otherwise than the run asks as a whole: after a change of its options. */
  readonly changed?: boolean | undefined;
}

/** What is known of a failed item and is not in its output line. */
export interface FailureFacts {
  readonly item: number;
  readonly attempts: number;
  /** Models that were asked, oldest first, each once. */
  readonly tried: readonly string[];
}

const column = z.array(z.number().min(0).max(MAX_COUNT).nullable());

/**
 * Facts of a part's items, kept beside the part: columns with one entry per item in input order, `null` where nothing is
 * known (failed and invalid items, answers of older versions). About 12 bytes an item.
 */
export const partFactsSchema = z.object({
  /** Format of this object. */
  version: z.literal(1),
  /** Index of the part's first item in the run. */
  first: count,
  /** When the first answer came, epoch ms; null when no time is known. */
  start: timeSchema.nullable(),
  /** When each answer came, ms after `start`. */
  at: column,
  /** Time of each request, ms. */
  ms: column,
  /** Indices in the run of the answers that were cut at the token limit. */
  truncated: z.array(count),
  /** Indices in the run of the answers that were cut by a content filter. */
  filtered: z.array(count).default([]),
  /** Indices in the run of the answers that were asked otherwise than the run asks as a whole. */
  changed: z.array(count),
  /** Names of models that `failures` points to. */
  names: z.array(z.string()),
  /** Of each failed item: index in the run, attempts, and the models that were asked (positions in `names`). */
  failures: z.array(z.tuple([count, count, z.array(count)])),
});
export type PartFacts = z.infer<typeof partFactsSchema>;

/** Gathers the facts of the items `[first, first + items)`. */
export function partFacts(
  first: number,
  items: number,
  answers: ReadonlyMap<number, AnswerFacts>,
  failures: readonly FailureFacts[],
): PartFacts {
  const known = Array.from({ length: items }, (_, position) => answers.get(first + position));
  const names = [...new Set(failures.flatMap(({ tried }) => tried))];
  const start = known.reduce<number | null>((least, { at } = {}) => earlier(least, at), null);
  return {
    version: 1,
    first,
    start,
    at: known.map(({ at } = {}) => (at === undefined || start === null ? null : at - start)),
    ms: known.map(({ ms } = {}) => ms ?? null),
    truncated: known.flatMap((facts, position) => (facts?.truncated === true ? [first + position] : [])),
    filtered: known.flatMap((facts, position) => (facts?.filtered === true ? [first + position] : [])),
    changed: known.flatMap((facts, position) => (facts?.changed === true ? [first + position] : [])),
    names,
    failures: failures.map(({ item, attempts, tried }) => [
      item,
      attempts,
      [...new Set(tried)].map((name) => names.indexOf(name)),
    ]),
  };
}

function earlier(least: number | null, at: number | undefined): number | null {
  if (at === undefined) return least;
  return least === null ? at : Math.min(least, at);
}

/** The facts of the part's failed items, by index in the run. */
export function failureFacts({ names, failures }: PartFacts): Map<number, FailureFacts> {
  return new Map(
    failures.map(([item, attempts, tried]) => [
      item,
      { item, attempts, tried: tried.flatMap((position) => names[position] ?? []) },
    ]),
  );
}

/** The facts of the part's answers that have some, by index in the run. */
export function answerFacts({
  first,
  start,
  at,
  ms,
  truncated,
  filtered,
  changed,
}: PartFacts): Map<number, AnswerFacts> {
  const [cut, censored, other] = [new Set(truncated), new Set(filtered), new Set(changed)];
  const facts = new Map<number, AnswerFacts>();
  at.forEach((offset, position) => {
    const item = first + position;
    const time = ms[position] ?? null;
    if (offset === null && time === null && ![cut, censored, other].some((items) => items.has(item))) return;
    facts.set(item, {
      ...(offset === null || start === null ? {} : { at: start + offset }),
      ...(time === null ? {} : { ms: time }),
      ...(cut.has(item) ? { truncated: true } : {}),
      ...(censored.has(item) ? { filtered: true } : {}),
      ...(other.has(item) ? { changed: true } : {}),
    });
  });
  return facts;
}
