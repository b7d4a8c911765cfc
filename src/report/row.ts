import type { ItemId } from '../batch/items.js';

/** A finished item as the report sees it: its output line and its facts. */
export interface ReportRow {
  /** 0-based index in the run. */
  readonly item: number;
  readonly id: ItemId;
  /** The model that answered, or the last one asked; null when none was. */
  readonly model: string | null;
  readonly ok: boolean;
  /** An invalid line of the input, which nobody was asked about. */
  readonly skipped: boolean;
  /** Not asked: it has the line of an item that is the same, or of an earlier run. Its tokens were spent there. */
  readonly reused?: boolean;
  /** The answer, or the error `<status or kind>: <message>`. */
  readonly text: string;
  readonly tokens: number;
  /** Cut at the token limit. */
  readonly truncated: boolean;
  /** When the answer came, epoch ms; unknown for failed items and in runs of older versions. */
  readonly at?: number;
  /** Time of the request, ms; unknown as `at` is. */
  readonly ms?: number;
  readonly attempts?: number;
  /** Models that were asked, oldest first. */
  readonly tried?: readonly string[];
}

/** A row of the page's table. */
export interface TableRow extends ReportRow {
  /** Absent for an invalid line: nothing of it could be read. */
  readonly prompt?: string;
  readonly attachment?: string;
}
