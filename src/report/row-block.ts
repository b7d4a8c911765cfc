import type { ItemId } from '../batch/items.js';

/**
 * Some rows of the table as the page holds them: columns in JSON, compressed with gzip, in base64, in a script element of
 * the class `rows`. A block stands for itself.
 */
export interface RowBlock {
  /** Format of this object. */
  readonly version: 1;
  /** 0-based indices in the run. */
  readonly items: readonly number[];
  readonly ids: readonly ItemId[];
  /** Names that `models` and `failures` point to. */
  readonly names: readonly string[];
  /** Position in `names`, or -1. */
  readonly models: readonly number[];
  /** Positions of the failed rows, with attempts (null: not known) and the models tried (positions in `names`). */
  readonly failures: readonly (readonly [row: number, attempts: number | null, tried: readonly number[]])[];
  /** Answers and errors. */
  readonly texts: readonly string[];
  /** Null for an invalid line. */
  readonly prompts: readonly (string | null)[];
  readonly tokens: readonly number[];
  /** When the answer came, epoch ms, as the difference to the known one before (the first to 0); null: not known. */
  readonly at: readonly (number | null)[];
  /** Time of the request, ms; null: not known. */
  readonly ms: readonly (number | null)[];
  /** Positions of the answers that were cut at the token limit. */
  readonly truncated: readonly number[];
  /** Attachments by position. */
  readonly attachments: readonly (readonly [row: number, attachment: string])[];
}
