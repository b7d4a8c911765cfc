import { constants } from 'node:buffer';
import { addAbortSignal, Readable } from 'node:stream';
import type { ItemId } from '../batch/items.js';
import type { Manifest } from '../batch/manifest.js';
import { type ModalityCounts, noModalityCounts } from '../batch/modality.js';
import { AttachmentChecker, type AttachmentVerdict } from './attachment-checker.js';
import type { AttachmentRules } from './attachments.js';
import {
  AttachmentError,
  describeProblem,
  InputError,
  InvalidInputError,
  LISTED_PROBLEMS,
  type LineProblem,
} from './errors.js';
import { printable } from './excerpt.js';
import { LineReader, problemsWith, type ReadLine } from './line-reader.js';
import { DEFAULT_MAX_LINE_BYTES, type Line, LineSplitter } from './lines.js';
import { ManifestBuilder } from './manifest-builder.js';
import { OffsetsWriter } from './offsets.js';
import { refuseOtherFormats } from './other-formats.js';
import type { FieldProblem } from './parse-line.js';

/** What to scan, and under which rules. */
export interface ScanOptions {
  /** The input's bytes. */
  readonly source: AsyncIterable<Uint8Array>;
  /** What messages call the input. */
  readonly name: string;
  readonly attachments: AttachmentRules;
  /** Items a chunk. */
  readonly chunkSize: number;
  /** Invalid lines become items with an error, instead of failing the scan. */
  readonly skipInvalid: boolean;
  /** Longest line in bytes; 64 MiB by default, 512 MiB at most. A longer one is an invalid line. */
  readonly maxLineBytes?: number;
  /** Called after each piece of the source, with what is done so far. */
  readonly onProgress?: (progress: { readonly bytes: number; readonly items: number }) => void;
  /** Measures each prompt; what it finds is added up by modality. Without it nothing is measured. */
  readonly measure?: (prompt: string) => number;
  /** Ends the scan: it then throws the signal's reason. */
  readonly signal?: AbortSignal;
}

/** An invalid line that was skipped. */
export interface InvalidItem {
  /** 0-based index in the run. */
  readonly item: number;
  /** 1-based. */
  readonly line: number;
  /** Its own, if that can be read and is no duplicate; else its line number, as the text `line 7` if 7 is somebody's id. */
  readonly id: ItemId;
  /** `invalid: …` */
  readonly error: string;
}

/** What one pass over the input found. */
export interface ScanResult {
  readonly manifest: Manifest;
  /** The offsets object, in pieces to be written one after another. */
  readonly offsets: readonly Uint8Array[];
  /** The invalid lines, under `skipInvalid` only. */
  readonly invalid: readonly InvalidItem[];
  /** What `measure` found of all valid items, by modality. */
  readonly measured: Readonly<ModalityCounts>;
}

/**
 * Reads an input once, checks every line and finds where each item lies. Memory does not grow with the text: it is the
 * longest line, and for an item 16 bytes of offsets and up to 40 for an id.
 * Throws {@link InvalidInputError} for lines that break the rules (unless they are skipped), {@link InputError} for an
 * input without items or in another format, and the source's own errors as they come.
 */
export async function scanInput(options: ScanOptions): Promise<ScanResult> {
  const { source, signal, onProgress } = options;
  const scan = new Scan(options);
  signal?.throwIfAborted();
  // A stream that waits for its next bytes must end as well.
  if (signal !== undefined && source instanceof Readable) addAbortSignal(signal, source);
  try {
    for await (const piece of source) {
      signal?.throwIfAborted();
      const progress = await scan.push(piece);
      onProgress?.(progress);
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
  return scan.finish();
}

class Scan {
  private readonly manifest: ManifestBuilder;
  private readonly offsets = new OffsetsWriter();
  private readonly attachments: AttachmentChecker;
  private readonly reader: LineReader;
  private readonly splitter: LineSplitter;
  /** Lines of the current piece whose attachments are still to be looked at, and those that follow them. */
  private waiting: ReadLine[] = [];
  private readonly problems: LineProblem[] = [];
  private totalProblems = 0;
  private readonly measured = noModalityCounts();
  private readonly invalid: (Omit<InvalidItem, 'id'> & { readonly id: ItemId | undefined })[] = [];

  constructor(private readonly options: ScanOptions) {
    const maxLineBytes = Math.min(options.maxLineBytes ?? DEFAULT_MAX_LINE_BYTES, constants.MAX_STRING_LENGTH);
    this.manifest = new ManifestBuilder(options.chunkSize);
    this.attachments = new AttachmentChecker(options.attachments);
    this.reader = new LineReader(maxLineBytes, options.measure);
    this.splitter = new LineSplitter((line) => this.read(line), maxLineBytes);
  }

  async push(piece: Uint8Array): Promise<{ bytes: number; items: number }> {
    this.manifest.addBytes(piece);
    this.splitter.push(piece);
    await this.settle();
    return { bytes: this.manifest.bytes, items: this.manifest.items };
  }

  async finish(): Promise<ScanResult> {
    this.splitter.end();
    await this.settle();
    const { name } = this.options;
    if (this.totalProblems > 0) throw new InvalidInputError(name, this.problems, this.totalProblems);
    if (this.manifest.items === 0) throw nothingIn(name, this.manifest.bytes);
    const { measured } = this;
    return { manifest: this.manifest.build(), offsets: this.offsets.blocks(), invalid: this.withIds(), measured };
  }

  private read(line: Line): void {
    if (line.line === 1) refuseOtherFormats(this.options.name, line.content);
    const read = this.reader.read(line);
    if (read === undefined) return;
    // Most lines need not wait; what is kept only until the end of the piece would still burden the collector.
    if (this.waiting.length === 0 && read.attachment === undefined) this.enter(read, undefined);
    else this.waiting.push(read);
  }

  /** Looks at the attachments of the waiting lines, then enters these in their order. */
  private async settle(): Promise<void> {
    const { waiting } = this;
    if (waiting.length === 0) return;
    this.waiting = [];
    const verdicts = await this.attachments.checkAll(waiting.map(({ attachment }) => attachment));
    waiting.forEach((line, position) => {
      this.enter(line, verdicts[position]);
    });
  }

  private enter(line: ReadLine, verdict: AttachmentVerdict | undefined): void {
    const problems = problemsWith(line, verdict);
    this.offsets.add(line.start, line.bytes, line.line);
    if (problems.length > 0) this.enterInvalid(line, problems);
    const code = problems.length > 0 || verdict instanceof AttachmentError ? 'invalid' : (verdict ?? 'text');
    if (code !== 'invalid') this.measured[code] += line.measured;
    this.manifest.addItem(code);
  }

  private enterInvalid({ line, id }: ReadLine, problems: readonly FieldProblem[]): void {
    if (this.options.skipInvalid) {
      const error = `invalid: ${problems.map(describeProblem).join('; ')}`;
      this.invalid.push({ item: this.manifest.items, line, id, error });
      return;
    }
    const room = LISTED_PROBLEMS - this.problems.length;
    this.problems.push(...problems.slice(0, room).map((problem) => ({ line, ...problem })));
    this.totalProblems += problems.length;
  }

  /** Only now is it known which ids the whole input has. */
  private withIds(): InvalidItem[] {
    const { ids } = this.reader;
    return this.invalid.map(({ id, ...rest }) => {
      const { line } = rest;
      return { ...rest, id: id ?? (ids.hasExplicit(line) ? `line ${line}` : line) };
    });
  }
}

function nothingIn(name: string, bytes: number): InputError {
  const what = bytes === 0 ? 'is empty' : 'has only blank lines';
  return new InputError('EMPTY', name, `${printable(name)} ${what}: it needs at least one line like {"prompt": "…"}`);
}
