import type { ApiName } from '../batch/api.js';
import type { ItemId } from '../batch/items.js';
import { modalityOfParts } from '../batch/message-parts.js';
import type { Modality } from '../batch/modality.js';
import { ApiRules } from './api-rules.js';
import { type AttachedText, attachedTexts } from './attached.js';
import type { AttachmentVerdict } from './attachment-checker.js';
import { entriesOf } from './conversation.js';
import { AttachmentError, type FieldProblem } from './errors.js';
import { excerpt } from './excerpt.js';
import { fieldText } from './field-text.js';
import { DEFAULT_MAX_LINE_BYTES, isBlank, type Line } from './lines.js';
import { lineChecksum } from './offsets.js';
import { type ParsedItem, type ParsedLine, parseLine } from './parse-line.js';
import type { InputPlaces } from './places.js';
import { type PromptBlocks, promptBlocks } from './prefix-order.js';
import { problemsInLine } from './problem-line.js';
import { type IdConflict, type Ids, SeenIds } from './seen-ids.js';

/** Measures a valid line, whose 1-based number is `line`. */
export type Measure = (item: ParsedItem, line: number) => number;

/** A line that is an item, as far as it can be told without looking at its attachment. */
export interface ReadLine {
  readonly line: number;
  readonly start: number;
  readonly bytes: number;
  /** `lineChecksum` of its content. */
  readonly crc: number;
  /** Its own id when it says one that can be used. */
  readonly id: ItemId | undefined;
  /** To be looked at; none when the line is invalid anyway. */
  readonly attached: readonly AttachedText[];
  /** What the parts of its messages, or of its input, ask of a model that have their content; absent for an item with a prompt. */
  readonly modality: Modality | undefined;
  /** Model that it asks for. */
  readonly model: string | undefined;
  /** The line as it was parsed; absent if it cannot be. */
  readonly record: ParsedItem | undefined;
  readonly problems: readonly FieldProblem[];
  /** What `measure` found of it; 0 when nothing is measured. */
  readonly measured: number;
  /** It has columns for the output. */
  readonly hasColumns: boolean;
  /** The beginning of its prompt, if that is wanted. */
  readonly blocks: PromptBlocks | undefined;
}

const NO_PROBLEMS: readonly FieldProblem[] = [];
const NONE_ATTACHED: readonly AttachedText[] = [];

/** Reads lines one after another and remembers their ids. */
export class LineReader {
  private readonly apiRules: ApiRules;

  constructor(
    private readonly maxLineBytes = DEFAULT_MAX_LINE_BYTES,
    private readonly measure?: Measure,
    private readonly places?: InputPlaces,
    private readonly groupPrefix = false,
    api?: ApiName,
    private readonly ids: Ids = new SeenIds(),
  ) {
    this.apiRules = new ApiRules(api);
  }

  /** What the items are asked by, as far as they have been read. */
  get api(): ApiName {
    return this.apiRules.api;
  }

  /** Reads a line; undefined when it is blank. */
  read(line: Line): ReadLine | undefined {
    if (line.tooLong) return readLine(line, undefined, undefined, [this.tooLong(line.bytes)], 0, false);
    if (isBlank(line.content)) return undefined;
    const parsed = this.parse(line.content);
    const identity = parsed.ok ? parsed.value : parsed.identity;
    const conflict = identity === undefined ? undefined : this.ids.claim(identity.id, line.line);
    const id = conflict === undefined ? identity?.id : undefined;
    const duplicate = conflict === undefined ? NO_PROBLEMS : [this.explainConflict(conflict, identity?.id, line.line)];
    if (!parsed.ok) {
      const hasColumns = fieldText(line.content, 'columns') !== undefined;
      return readLine(line, id, undefined, [...parsed.problems, ...duplicate], 0, hasColumns);
    }
    const problems = this.apiRules.problems(parsed.value, line.line);
    const hasColumns = parsed.value.columns !== undefined;
    if (problems.length > 0) return readLine(line, id, undefined, [...problems, ...duplicate], 0, hasColumns);
    const measured = this.measure === undefined ? 0 : this.measure(parsed.value, line.line);
    return readLine(line, id, parsed.value, duplicate, measured, hasColumns, this.groupPrefix);
  }

  private parse(content: Buffer): ParsedLine {
    return (this.places === undefined ? undefined : problemsInLine(content)) ?? parseLine(content);
  }

  private explainConflict({ kind, line }: IdConflict, id: ItemId | undefined, own: number): FieldProblem {
    const other = this.places?.placeOf(line) ?? `line ${line}`;
    switch (kind) {
      case 'duplicate':
        return { field: 'id', message: `${excerpt(String(id))} is a duplicate of ${other}` };
      case 'is-line-number':
        return { field: 'id', message: `${excerpt(String(id))} is the id of ${other}, which has none of its own` };
      case 'line-number-taken':
        return { field: 'id', message: `missing, and the line number ${own} is already the id of ${other}` };
    }
  }

  private tooLong(bytes: number): FieldProblem {
    return { message: `line too long: ${inMebibytes(bytes)}; the limit is ${inMebibytes(this.maxLineBytes)}` };
  }
}

/** Written out, not spread: this runs once a line. */
function readLine(
  { line, start, bytes, content }: Line,
  id: ItemId | undefined,
  item: ParsedItem | undefined,
  problems: readonly FieldProblem[],
  measured: number,
  hasColumns: boolean,
  groupPrefix = false,
): ReadLine {
  const entries = item?.messages ?? (item?.input === undefined ? undefined : entriesOf(item.input));
  const modality = entries === undefined ? undefined : modalityOfParts(entries);
  return {
    line,
    start,
    bytes,
    crc: lineChecksum(content, line),
    id,
    attached: item === undefined ? NONE_ATTACHED : attachedTexts(item),
    modality,
    model: item?.model,
    record: item,
    problems,
    measured,
    hasColumns,
    blocks: groupPrefix && item !== undefined ? promptBlocks(item) : undefined,
  };
}

/** The line's problems, with the verdicts on its attachments among them. */
export function problemsWith(line: ReadLine, verdicts: readonly AttachmentVerdict[]): readonly FieldProblem[] {
  if (!verdicts.some((verdict) => verdict instanceof AttachmentError)) return line.problems;
  const found = verdicts.flatMap((verdict, at): FieldProblem[] => {
    const field = line.attached[at]?.field ?? 'attachment';
    return verdict instanceof AttachmentError ? [{ field, message: verdict.message }] : [];
  });
  return [...line.problems, ...found];
}

function inMebibytes(bytes: number): string {
  const mebibytes = bytes / (1024 * 1024);
  return mebibytes < 0.1 ? `${bytes} bytes` : `${mebibytes.toFixed(1)} MiB`;
}
