import type { ReadOptions } from '../batch/read-options.js';
import type { DetectedFile } from './detect.js';
import { InputError } from './errors.js';
import { printable } from './excerpt.js';
import { fillIdTemplate } from './id-template.js';
import { nameOfInput } from './input-name.js';
import { LineCounter } from './line-counter.js';
import { moveAttachments } from './moved-attachment.js';
import { openRows } from './open-rows.js';
import { InputPlaces } from './places.js';
import { problemLine } from './problem-line.js';
import { appendColumns } from './record-line.js';
import { ownColumns } from './row-columns.js';
import type { BadRow, Mapped, MappedRow, Row, RowMapping, RowSource } from './rows.js';

/** An input as one stream of JSONL. */
export interface ConvertedInput {
  /** The items' records, a line each; blank lines for rows that become none. To be read once. */
  readonly source: AsyncIterable<Uint8Array>;
  /** Where the lines come from; complete as far as `source` has been read. */
  readonly places: InputPlaces;
}

/** Characters of one piece of the stream. */
const PIECE = 256 * 1024;

const LF = Buffer.from('\n');
const NOTHING = Buffer.alloc(0);

/**
 * Makes one stream of JSONL of all files of an input: rows become items by the mapping, and JSONL that needs no mapping is
 * copied. A row that cannot be an item becomes a line with its problems. The same files give the same bytes.
 * The stream throws an `InputError` for a file that cannot be read to its end.
 */
export function convertInput(
  files: readonly DetectedFile[],
  mapping: RowMapping,
  options: ReadOptions,
  roots: readonly string[],
): ConvertedInput {
  const places = new InputPlaces((field) => mapping.columnOf(field));
  return { places, source: new Conversion(files, mapping, options, roots, places).lines() };
}

class Conversion {
  /** Records so far, of all files. */
  private records = 0;
  private text = '';
  private ended = false;
  /** Relative attachments are against one folder for a run: with files in several they become absolute. */
  private readonly movesAttachments: boolean;

  constructor(
    private readonly files: readonly DetectedFile[],
    private readonly mapping: RowMapping,
    private readonly options: ReadOptions,
    private readonly roots: readonly string[],
    private readonly places: InputPlaces,
  ) {
    this.movesAttachments = new Set(files.map(({ file }) => file.folder)).size > 1;
  }

  async *lines(): AsyncGenerator<Uint8Array, void, undefined> {
    const { idFrom } = this.options;
    if (this.mapping.offer !== undefined) yield* this.offered(this.mapping.offer);
    const copies = this.mapping.isIdentity && idFrom === undefined && !this.movesAttachments;
    for (const file of this.files) {
      this.places.add(file.file.name, file.format === 'jsonl' ? 'line' : 'row', this.records);
      yield* copies && file.format === 'jsonl' ? this.copied(file) : this.mapped(file);
      if (this.ended) break;
    }
    this.mapping.checkEnd(nameOfInput(this.files.map(({ file }) => file.name)));
  }

  /** Reads all rows once before: which of them are wanted depends on all. Yields empty pieces, so that it can be ended. */
  private async *offered(offer: (row: Row) => void): AsyncGenerator<Uint8Array, void, undefined> {
    for (const file of this.files) {
      const source = await openRows(file, this.options);
      try {
        if (source.columns !== undefined) this.mapping.checkColumns(file.file.name, source.columns);
        for await (const batch of source.batches(this.mapping.wanted)) {
          for (const row of batch) if (!('problems' in row)) offer(row);
          yield NOTHING;
        }
      } finally {
        await source.close?.();
      }
    }
  }

  private async *copied({ content }: DetectedFile): AsyncGenerator<Uint8Array, void, undefined> {
    const counter = new LineCounter();
    for await (const piece of content()) {
      const bytes = counter.push(piece);
      if (bytes.byteLength > 0) yield bytes;
    }
    const held = counter.end();
    if (held.byteLength > 0) yield held;
    if (counter.isInLine) yield LF;
    this.records += counter.lines;
  }

  private async *mapped(file: DetectedFile): AsyncGenerator<Uint8Array, void, undefined> {
    const source = await openRows(file, this.options);
    const before = this.records;
    try {
      if (source.columns !== undefined) this.mapping.checkColumns(file.file.name, source.columns);
      yield* this.linesOf(source, file);
    } finally {
      await source.close?.();
    }
    // One of several files may have none, as a writer of parts leaves it.
    if (this.records > before || this.ended || this.files.length > 1) return;
    const has = source.columns === undefined ? 'has no rows' : 'has a header and no rows';
    throw new InputError('EMPTY', file.file.name, `${printable(file.file.name)} ${has}`);
  }

  private async *linesOf(source: RowSource, file: DetectedFile): AsyncGenerator<Uint8Array, void, undefined> {
    const isObject = source.columns === undefined && this.mapping.isIdentity;
    const before = this.records;
    for await (const batch of source.batches(this.mapping.wanted)) {
      for (const row of batch) {
        // Lines that are blank in JSONL are no rows.
        while (this.records < before + row.number - 1) this.add('');
        this.add(this.lineOf(row, file, isObject));
        if (this.ended) break;
      }
      if (this.text.length >= PIECE) yield this.piece();
      if (this.ended) break;
    }
    if (this.text !== '') yield this.piece();
  }

  private add(line: string): void {
    if (this.ended) return;
    this.text += `${line}\n`;
    this.records++;
  }

  private piece(): Uint8Array {
    const { text } = this;
    this.text = '';
    return Buffer.from(text);
  }

  private lineOf(row: Row | BadRow, { file }: DetectedFile, isObject: boolean): string {
    if ('problems' in row) return problemLine(row);
    const mapped: MappedRow = isObject ? objectOf(row) : this.mapping.map(row);
    if (mapped === 'skip') return '';
    if (mapped === 'end') {
      this.ended = true;
      return '';
    }
    const { idFrom } = this.options;
    const id = idFrom === undefined ? {} : { id: fillIdTemplate(idFrom, row) };
    if ('problems' in mapped) return problemLine({ ...mapped, ...id });
    const { record, columns } = mapped;
    Object.assign(record, id);
    const problems = this.movesAttachments ? moveAttachments(record, file.folder, this.roots) : [];
    if (problems.length > 0) return problemLine({ problems, id: record.id, columns });
    return appendColumns(JSON.stringify(record), columns);
  }
}

/** Returns an object as the item that it is; what it has for the output stays as it is written. */
function objectOf(row: Row): Mapped {
  const { columns: names, values } = row;
  const record = Object.fromEntries(names.map((name, at) => [name, values[at]]));
  const columns = ownColumns(row);
  if (columns !== undefined) delete record.columns;
  return { record, columns };
}
