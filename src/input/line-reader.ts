import type { ItemId } from '../batch/items.js';
import type { AttachmentVerdict } from './attachment-checker.js';
import { AttachmentError } from './errors.js';
import { excerpt } from './excerpt.js';
import { DEFAULT_MAX_LINE_BYTES, type Line } from './lines.js';
import { type FieldProblem, parseLine } from './parse-line.js';
import { type IdConflict, SeenIds } from './seen-ids.js';

/** A line that is an item, as far as it can be told without looking at its attachment. */
export interface ReadLine {
  readonly line: number;
  readonly start: number;
  readonly bytes: number;
  /** Its own id when it says one that can be used. */
  readonly id: ItemId | undefined;
  /** To be looked at; absent when the line is invalid anyway. */
  readonly attachment: string | undefined;
  readonly problems: readonly FieldProblem[];
  /** What `measure` found of its prompt; 0 when nothing is measured. */
  readonly measured: number;
}

const NO_PROBLEMS: readonly FieldProblem[] = [];
const BRACE = 0x7b;

/** Reads lines one after another and remembers their ids. */
export class LineReader {
  readonly ids = new SeenIds();

  constructor(
    private readonly maxLineBytes = DEFAULT_MAX_LINE_BYTES,
    private readonly measure?: (prompt: string) => number,
  ) {}

  /** Reads a line; undefined when it is blank. */
  read(line: Line): ReadLine | undefined {
    if (line.tooLong) return readLine(line, undefined, undefined, [this.tooLong(line.bytes)], 0);
    if (isBlank(line.content)) return undefined;
    const parsed = parseLine(line.content);
    const identity = parsed.ok ? parsed.value : parsed.identity;
    const conflict = identity === undefined ? undefined : this.ids.claim(identity.id, line.line);
    const id = conflict === undefined ? identity?.id : undefined;
    const duplicate = conflict === undefined ? NO_PROBLEMS : [explainConflict(conflict, identity?.id, line.line)];
    if (!parsed.ok) return readLine(line, id, undefined, [...parsed.problems, ...duplicate], 0);
    const { prompt, attachment } = parsed.value;
    return readLine(line, id, attachment, duplicate, this.measure === undefined ? 0 : this.measure(prompt));
  }

  private tooLong(bytes: number): FieldProblem {
    return { message: `line too long: ${inMebibytes(bytes)}; the limit is ${inMebibytes(this.maxLineBytes)}` };
  }
}

/** Written out, not spread: this runs once a line. */
function readLine(
  { line, start, bytes }: Line,
  id: ItemId | undefined,
  attachment: string | undefined,
  problems: readonly FieldProblem[],
  measured: number,
): ReadLine {
  return { line, start, bytes, id, attachment, problems, measured };
}

/** The line's problems, with the verdict on its attachment among them. */
export function problemsWith(line: ReadLine, verdict: AttachmentVerdict | undefined): readonly FieldProblem[] {
  if (!(verdict instanceof AttachmentError)) return line.problems;
  return [...line.problems, { field: 'attachment', message: verdict.message }];
}

function isBlank(content: Buffer): boolean {
  return content[0] !== BRACE && content.toString('utf8').trim() === '';
}

function explainConflict({ kind, line: other }: IdConflict, id: ItemId | undefined, line: number): FieldProblem {
  switch (kind) {
    case 'duplicate':
      return { field: 'id', message: `${excerpt(String(id))} is a duplicate of line ${other}` };
    case 'is-line-number':
      return { field: 'id', message: `${excerpt(String(id))} is the id of line ${other}, which has none of its own` };
    case 'line-number-taken':
      return { field: 'id', message: `missing, and the line number ${line} is already the id of line ${other}` };
  }
}

function inMebibytes(bytes: number): string {
  const mebibytes = bytes / (1024 * 1024);
  return mebibytes < 0.1 ? `${bytes} bytes` : `${mebibytes.toFixed(1)} MiB`;
}
