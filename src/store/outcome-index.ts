import { countFrom } from '../batch/numbers.js';
import type {
  AnswerRecord,
  FailureRecord,
  InvalidAnswer,
  OutcomeRecord,
  ResultLine,
  SentRecord,
  TryRecord,
} from './outcomes.js';

/** Where an answer's output line, or the whole record of a failure, lies in storage. */
export interface LinePlace {
  /** Key of the segment. */
  readonly segment: string;
  /** First byte and length of the line, without a line end. */
  readonly start: number;
  readonly bytes: number;
  /** CRC-32 of the line: it is read again later, and may have been damaged by then. */
  readonly crc: number;
}

/** An answer without its text. */
export interface AnswerSummary extends Omit<AnswerRecord, 'result'> {
  readonly result: Pick<ResultLine, 'id' | 'model' | 'tokens'>;
  /** Absent if the answer was not read from a segment. */
  readonly place?: LinePlace;
}

/** A failure without the text of its answer. */
export interface FailureSummary extends FailureRecord {
  /** Where the record lies whose answer's text was left out; absent if it has none. */
  readonly place?: LinePlace;
}

/** What is known of an item: how it ended, and the attempts that failed before. */
export interface ItemHistory {
  readonly outcome?: AnswerSummary | FailureSummary;
  readonly tries: readonly TryRecord[];
  /** The answer of the newest try, if it is to be repaired. */
  readonly invalid?: InvalidAnswer;
  /** Requests that went out, those that brought something included. */
  readonly sent: readonly SentRecord[];
}

/** A record as the index keeps it. */
export type IndexedRecord = AnswerSummary | FailureSummary | TryRecord | SentRecord;

/** Returns a record without the text of its answer; `place` is where the answer's output line, or the failure, lies. */
export function indexedRecord(record: OutcomeRecord, place?: LinePlace): IndexedRecord {
  if ('failure' in record) return withoutAnswer(record, place);
  if (!('result' in record)) return record;
  const { id, model } = record.result;
  const tokens = countFrom(record.result.tokens) ?? 0;
  return { ...record, result: { id, model, tokens }, ...(place === undefined ? {} : { place }) };
}

function withoutAnswer(record: FailureRecord, place: LinePlace | undefined): FailureSummary {
  const { invalid, ...failure } = record.failure;
  if (invalid === undefined) return record;
  return { ...record, failure, ...(place === undefined ? {} : { place }) };
}

/** Characters of invalid answers that an index keeps: of more items the answers are asked for anew. */
const INVALID_CHARS_KEPT = 8_000_000;

const NO_TRIES: readonly TryRecord[] = [];
const NOTHING_SENT: readonly SentRecord[] = [];

/**
 * The outcomes of a chunk's items: the first answer of each, else its last failure. Memory is that of their facts; the
 * texts of answers stay in storage.
 */
export class OutcomeIndex {
  readonly answers = new Map<number, AnswerSummary>();
  readonly #failures = new Map<number, FailureSummary>();
  readonly #tries = new Map<number, TryRecord[]>();
  readonly #sent = new Map<number, SentRecord[]>();
  /** Of items without an outcome: the answer of the newest try, if it is to be repaired. */
  readonly #invalid = new Map<number, InvalidAnswer>();
  #invalidChars = 0;

  /** Adds a record that was written after those that are here. */
  add(record: IndexedRecord): void {
    if ('result' in record) this.addAnswer(record);
    else if ('failure' in record) this.addFailure(record);
    else if ('sent' in record) push(this.#sent, record);
    else this.addTry(record);
  }

  /** Returns the failure of an item without an answer. */
  failure(item: number): FailureSummary | undefined {
    return this.answers.has(item) ? undefined : this.#failures.get(item);
  }

  /** Returns what is known of an item; undefined if nothing is. */
  get(item: number): ItemHistory | undefined {
    const outcome = this.answers.get(item) ?? this.#failures.get(item);
    const tries = this.#tries.get(item) ?? NO_TRIES;
    const sent = this.#sent.get(item) ?? NOTHING_SENT;
    if (outcome !== undefined) return { outcome, tries, sent };
    if (tries.length + sent.length === 0) return undefined;
    const invalid = this.#invalid.get(item);
    return { tries, sent, ...(invalid === undefined ? {} : { invalid }) };
  }

  /** Returns the items of which there is any record, in input order. */
  items(): number[] {
    const all = [this.answers, this.#failures, this.#tries, this.#sent].flatMap((records) => [...records.keys()]);
    return [...new Set(all)].sort((a, b) => a - b);
  }

  /** Returns the items that have an outcome, in input order. */
  ended(): number[] {
    return [...new Set([...this.answers.keys(), ...this.#failures.keys()])].sort((a, b) => a - b);
  }

  private addAnswer(record: AnswerSummary): void {
    if (!this.answers.has(record.item)) this.answers.set(record.item, record);
    this.keepInvalid(record.item, undefined);
  }

  private addTry(record: TryRecord): void {
    const { invalid, ...failed } = record.try;
    push(this.#tries, invalid === undefined ? record : { ...record, try: failed });
    const hasEnded = this.answers.has(record.item) || this.#failures.has(record.item);
    this.keepInvalid(record.item, hasEnded ? undefined : invalid);
  }

  private keepInvalid(item: number, invalid: InvalidAnswer | undefined): void {
    this.#invalidChars -= this.#invalid.get(item)?.text.length ?? 0;
    this.#invalid.delete(item);
    const length = invalid?.text.length ?? 0;
    if (invalid === undefined || this.#invalidChars + length > INVALID_CHARS_KEPT) return;
    this.#invalid.set(item, invalid);
    this.#invalidChars += length;
  }

  private addFailure(record: FailureSummary): void {
    this.keepInvalid(record.item, undefined);
    const known = this.#failures.get(record.item);
    if (known?.at !== undefined && record.at !== undefined && record.at < known.at) return;
    this.#failures.set(record.item, record);
  }
}

function push<T extends { readonly item: number }>(records: Map<number, T[]>, record: T): void {
  const known = records.get(record.item);
  if (known === undefined) records.set(record.item, [record]);
  else known.push(record);
}
