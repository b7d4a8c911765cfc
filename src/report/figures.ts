import type { ItemId } from '../batch/items.js';
import { shownKind } from './failure-kind.js';
import { Latencies } from './latency.js';
import type { ReportRow } from './row.js';
import { TimeBins } from './time-bins.js';
import { clipped } from './words.js';

/** Kinds of failures that are kept apart; the rest count as {@link OTHER_KINDS}. */
const MAX_KINDS = 50;
/** Different error texts that are kept of a kind. */
const MAX_EXAMPLES = 5;
const LONGEST_ERROR = 400;

/** The kind of failures for which there was no room. */
export const OTHER_KINDS = 'other kinds';

/** What one model did. */
export interface ModelFigures {
  ok: number;
  failed: number;
  tokens: number;
  readonly latencies: Latencies;
}

/** An error text with the first item that had it. */
export interface FailureExample {
  readonly error: string;
  /** Items that had exactly this error. */
  items: number;
  readonly item: number;
  readonly id: ItemId;
  readonly model: string | null;
}

/** Failures of one kind. */
export interface FailureKind {
  items: number;
  /** The first different texts, at most {@link MAX_EXAMPLES}, by text. */
  readonly examples: Map<string, FailureExample>;
}

/** The figures of a run, gathered row by row in memory that does not grow with the rows. */
export class Figures {
  ok = 0;
  /** Items that ended in an error, skipped ones left out. */
  failed = 0;
  /** Invalid lines of the input. */
  skipped = 0;
  /** Answered items that were not asked. */
  reused = 0;
  truncated = 0;
  tokens = 0;
  /** Answers whose time is known. */
  timed = 0;
  readonly answers = new TimeBins();
  readonly latencies = new Latencies();
  readonly models = new Map<string, ModelFigures>();
  readonly kinds = new Map<string, FailureKind>();
  /** First and last answer, epoch ms; not finite when no time is known. */
  firstAt = Infinity;
  lastAt = -Infinity;

  /** Items without an answer, whether they were asked or not. */
  get errors(): number {
    return this.failed + this.skipped;
  }

  add(row: ReportRow): void {
    if (row.ok) this.ok++;
    else this.addFailure(row);
    if (row.reused === true) {
      if (row.ok) this.reused++;
      return;
    }
    this.tokens += row.tokens;
    if (row.truncated) this.truncated++;
    if (row.model !== null) this.addToModel(row.model, row);
    if (row.at !== undefined) this.addMoment(row.at);
    if (row.ms !== undefined) this.latencies.add(row.ms);
  }

  private addMoment(at: number): void {
    this.timed++;
    this.answers.add(at);
    this.firstAt = Math.min(this.firstAt, at);
    this.lastAt = Math.max(this.lastAt, at);
  }

  private addToModel(id: string, { ok, tokens, ms }: ReportRow): void {
    const model = found(this.models, id, () => ({ ok: 0, failed: 0, tokens: 0, latencies: new Latencies() }));
    if (ok) model.ok++;
    else model.failed++;
    model.tokens += tokens;
    if (ms !== undefined) model.latencies.add(ms);
  }

  private addFailure({ item, id, model, text, skipped }: ReportRow): void {
    if (skipped) this.skipped++;
    else this.failed++;
    const kind = shownKind(text);
    const room = this.kinds.size < MAX_KINDS || this.kinds.has(kind);
    const failures = found(this.kinds, room ? kind : OTHER_KINDS, () => ({ items: 0, examples: new Map() }));
    failures.items++;
    const error = clipped(text, LONGEST_ERROR);
    const example = failures.examples.get(error);
    if (example !== undefined) example.items++;
    else if (failures.examples.size < MAX_EXAMPLES) failures.examples.set(error, { error, items: 1, item, id, model });
  }
}

function found<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const there = map.get(key);
  if (there !== undefined) return there;
  const made = make();
  map.set(key, made);
  return made;
}
