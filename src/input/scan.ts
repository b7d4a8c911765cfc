import { constants } from 'node:buffer';
import { addAbortSignal, Readable } from 'node:stream';
import { type ApiName, type PlacedOptions, placeProblem } from '../batch/api.js';
import type { ItemId } from '../batch/items.js';
import type { LayoutCode } from '../batch/layout.js';
import type { Manifest } from '../batch/manifest.js';
import { joinModalities, type Modality, type ModalityCounts, noModalityCounts, withMore } from '../batch/modality.js';
import { MAX_NAMED } from '../batch/targets.js';
import { AttachmentChecker, type AttachmentVerdict, type GoodAttachment } from './attachment-checker.js';
import { StampsWriter } from './attachment-stamps.js';
import type { AttachmentRules } from './attachments.js';
import { contentKey } from './content-key.js';
import {
  AttachmentError,
  describeProblem,
  type FieldProblem,
  InputError,
  InvalidInputError,
  LISTED_PROBLEMS,
  type LineProblem,
} from './errors.js';
import { excerpt, printable } from './excerpt.js';
import { ItemKeys } from './item-keys.js';
import { type CompileSchema, ItemSchemas } from './item-schema.js';
import { LineReader, type Measure, problemsWith, type ReadLine } from './line-reader.js';
import { DEFAULT_MAX_LINE_BYTES, type Line, LineSplitter } from './lines.js';
import { ManifestBuilder } from './manifest-builder.js';
import { OffsetsWriter } from './offsets.js';
import { refuseOtherFormats } from './other-formats.js';
import type { ParsedItem } from './parse-line.js';
import type { InputPlaces } from './places.js';
import { PrefixOrderWriter } from './prefix-order.js';

/** What to scan, and under which rules. */
export interface ScanOptions {
  /** The input's bytes. */
  readonly source: AsyncIterable<Uint8Array>;
  /** What messages call the input. */
  readonly name: string;
  /** Where the lines come from, if the source is what other files were converted to. */
  readonly places?: InputPlaces | undefined;
  readonly attachments: AttachmentRules;
  /** Items a chunk. */
  readonly chunkSize: number;
  /** Invalid lines become items with an error, instead of failing the scan. */
  readonly skipInvalid: boolean;
  /** The run's own model, which goes before those that items name. */
  readonly model?: string | undefined;
  /** What the run asks by; without it, what all items name. */
  readonly api?: ApiName | undefined;
  /** Options of the run that what it asks by must have a place for. Default: none. */
  readonly placed?: PlacedOptions;
  /** Items that are the same as an earlier one are not to be asked. Default false. */
  readonly unique?: boolean | ((api: ApiName) => boolean);
  /** Attached files are read whole, so that items with them have a key. Default false. */
  readonly hashFiles?: boolean;
  /** Longest line in bytes; 64 MiB by default, 512 MiB at most. A longer one is an invalid line. */
  readonly maxLineBytes?: number;
  /** Loads what compiles the schemas of items, if there are some. Without it they are not checked. */
  readonly loadCompile?: () => Promise<CompileSchema>;
  /** Finds the order in which items with a common beginning follow one another. Default false. */
  readonly groupPrefix?: boolean;
  /** Called after each piece of the source, with what is done so far. */
  readonly onProgress?: (progress: { readonly bytes: number; readonly items: number }) => void;
  /** Measures each valid line; what it finds is added up by modality. Without it nothing is measured. */
  readonly measure?: Measure;
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
  /** The object of the attached files' stamps, in pieces; none without attached files. */
  readonly stamps: readonly Uint8Array[];
  /** The object of the order in which items are asked, in pieces; none unless it was wanted. */
  readonly order: readonly Uint8Array[];
  /** The object of the items' keys, in pieces. */
  readonly keys: readonly Uint8Array[];
  /** The invalid lines, under `skipInvalid` only. */
  readonly invalid: readonly InvalidItem[];
  /** The first problems of these lines, {@link LISTED_PROBLEMS} at most. */
  readonly problems: readonly LineProblem[];
  /** What `measure` found of all items that are asked, by modality. */
  readonly measured: Readonly<ModalityCounts>;
  /** Where the lines come from, as in the options. */
  readonly places?: InputPlaces | undefined;
}

/**
 * Reads an input once, checks every line and finds where each item lies. Memory does not grow with the text: it is the
 * longest line, and for an item 20 bytes of offsets, up to 35 for its key and up to 40 for an id.
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
  private readonly stamps = new StampsWriter();
  private readonly order: PrefixOrderWriter | undefined;
  private readonly keys = new ItemKeys();
  private readonly attachments: AttachmentChecker;
  private readonly reader: LineReader;
  private readonly splitter: LineSplitter;
  /** Lines of the current piece whose attachments are still to be looked at, and those that follow them. */
  private waiting: ReadLine[] = [];
  private readonly problems: LineProblem[] = [];
  private totalProblems = 0;
  private schemas: ItemSchemas | undefined;
  private measured: ModalityCounts = noModalityCounts();
  private readonly invalid: (Omit<InvalidItem, 'id'> & { readonly id: ItemId | undefined })[] = [];

  constructor(private readonly options: ScanOptions) {
    const maxLineBytes = Math.min(options.maxLineBytes ?? DEFAULT_MAX_LINE_BYTES, constants.MAX_STRING_LENGTH);
    this.manifest = new ManifestBuilder(options.chunkSize);
    this.attachments = new AttachmentChecker(options.attachments, options.hashFiles === true);
    const { chunkSize, measure, places, groupPrefix = false, api } = options;
    this.reader = new LineReader(maxLineBytes, measure, places, groupPrefix, api);
    this.order = groupPrefix ? new PrefixOrderWriter(chunkSize) : undefined;
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
    const { name, places } = this.options;
    if (this.totalProblems > 0 && !this.options.skipInvalid)
      throw new InvalidInputError(name, this.problems, this.totalProblems);
    if (this.manifest.items === 0) throw nothingIn(name, this.manifest.bytes, places);
    this.refuseTooManyModels();
    const { api } = this.reader;
    const refused = placeProblem(api, this.options.placed ?? {});
    if (refused !== undefined) throw new InputError('NO_PLACE', name, refused);
    const { measured } = this;
    const stamps = this.stamps.blocks(this.manifest.items);
    const offsets = this.offsets.blocks();
    const order = this.order?.blocks() ?? [];
    return {
      manifest: this.manifest.build(api),
      offsets,
      stamps,
      order,
      keys: this.keys.pieces(),
      invalid: this.withIds(),
      problems: this.problems,
      measured,
      places,
    };
  }

  /** Each model that items name is a target of the run. */
  private refuseTooManyModels(): void {
    const { modelNames } = this.manifest;
    if (modelNames.length <= MAX_NAMED) return;
    const named = `${modelNames
      .slice(0, 3)
      .map((model) => excerpt(model))
      .join(', ')} …`;
    throw new InputError(
      'TOO_MANY_MODELS',
      this.options.name,
      `the items of ${printable(this.options.name)} name more than ${MAX_NAMED} different models (${named}): give -m with one for all, or split the file`,
    );
  }

  private read(line: Line): void {
    if (line.line === 1 && this.options.places === undefined) refuseOtherFormats(this.options.name, line.content);
    const read = this.reader.read(line);
    if (read === undefined) return;
    // Most lines need not wait; what is kept only until the end of the piece would still burden the collector.
    if (this.waiting.length === 0 && read.attached.length === 0 && read.record?.schema === undefined)
      this.enter(read, NO_VERDICTS);
    else this.waiting.push(read);
  }

  /** Looks at the attachments and the schemas of the waiting lines, and enters these in their order. */
  private async settle(): Promise<void> {
    const { waiting } = this;
    if (waiting.length === 0) return;
    this.waiting = [];
    const verdicts = await this.attachments.checkAll(waiting.map(({ attached }) => attached));
    for (const [position, line] of waiting.entries()) {
      const problem = line.record?.schema === undefined ? undefined : await this.schemaProblem(line.record);
      const checked = problem === undefined ? line : { ...line, problems: [...line.problems, problem] };
      this.enter(checked, verdicts[position] ?? NO_VERDICTS);
    }
  }

  private async schemaProblem(record: ParsedItem): Promise<FieldProblem | undefined> {
    const { loadCompile } = this.options;
    if (loadCompile === undefined) return undefined;
    this.schemas ??= new ItemSchemas(await loadCompile());
    return await this.schemas.check(record);
  }

  private enter(line: ReadLine, verdicts: readonly AttachmentVerdict[]): void {
    const problems = problemsWith(line, verdicts);
    this.offsets.add(line.start, line.bytes, line.line, line.crc);
    if (problems.length > 0) this.enterInvalid(line, problems);
    const isGood = problems.length === 0;
    const good = isGood ? verdicts.filter(isGoodAttachment) : [];
    const modality = isGood ? modalityOf(line, good) : undefined;
    const { unique = false } = this.options;
    const isUnique = typeof unique === 'boolean' ? unique : unique(this.reader.api);
    const first = this.keys.add(isGood ? keyOf(line, good) : undefined, isUnique);
    if (line.hasColumns) this.manifest.addColumns();
    if (first !== undefined) this.manifest.addCopy(first);
    else if (modality !== undefined) this.measured = withMore(this.measured, modality, line.measured);
    if (good.length > 0)
      this.stamps.add(
        this.manifest.items,
        good.map(({ stamp }) => stamp),
      );
    this.order?.add(modality === undefined || first !== undefined ? undefined : line.blocks);
    // The run's own goes before it.
    const model = modality === undefined || this.options.model !== undefined ? undefined : line.model;
    this.manifest.addItem(codeOf(modality, first), model);
  }

  private enterInvalid({ line, id }: ReadLine, problems: readonly FieldProblem[]): void {
    if (this.options.skipInvalid) {
      const error = `invalid: ${problems.map(describeProblem).join('; ')}`;
      this.invalid.push({ item: this.manifest.items, line, id, error });
    }
    const room = LISTED_PROBLEMS - this.problems.length;
    const { places } = this.options;
    const located = problems.slice(0, room).map((problem) => ({ line, ...problem }));
    this.problems.push(...(places === undefined ? located : located.map((problem) => places.locate(problem))));
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

function codeOf(modality: Modality | undefined, first: number | undefined): LayoutCode {
  if (modality === undefined) return 'invalid';
  return first === undefined ? modality : `twin-${modality}`;
}

const NO_VERDICTS: readonly AttachmentVerdict[] = [];

function isGoodAttachment(verdict: AttachmentVerdict): verdict is GoodAttachment {
  return !(verdict instanceof AttachmentError);
}

/** Returns what an item asks of a model. */
function modalityOf({ modality = 'text' }: ReadLine, attached: readonly GoodAttachment[]): Modality {
  return attached.length === 0 ? modality : joinModalities([modality, ...attached.map((one) => one.modality)]);
}

/** Returns the key of an item; undefined if the content of an attachment of it is not known. */
function keyOf({ record }: ReadLine, attached: readonly GoodAttachment[]): Uint8Array | undefined {
  const contents = attached.flatMap(({ content }) => content ?? []);
  return record === undefined || contents.length < attached.length ? undefined : contentKey(record, contents);
}

function nothingIn(name: string, bytes: number, places: InputPlaces | undefined): InputError {
  if (places !== undefined) return new InputError('EMPTY', name, `${printable(name)} has no rows that become items`);
  const what = bytes === 0 ? 'is empty' : 'has only blank lines';
  return new InputError('EMPTY', name, `${printable(name)} ${what}: it needs at least one line like {"prompt": "…"}`);
}
