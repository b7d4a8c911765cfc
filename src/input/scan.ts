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
import { ItemKeys, type KeysWriter, PlainKeys } from './item-keys.js';
import { type CompileSchema, ItemSchemas } from './item-schema.js';
import { LineReader, type Measure, problemsWith, type ReadLine } from './line-reader.js';
import { DEFAULT_MAX_LINE_BYTES, type Line, LineSplitter } from './lines.js';
import { ManifestBuilder } from './manifest-builder.js';
import { OffsetsWriter } from './offsets.js';
import { refuseOtherFormats } from './other-formats.js';
import type { ParsedItem } from './parse-line.js';
import type { InputPlaces } from './places.js';
import { PrefixOrderWriter } from './prefix-order.js';
import type { ItemRecords } from './record-blocks.js';
import { ScratchFile } from './scratch-file.js';
import { exactIds, type Ids, ManyIds, type RepeatedIds, SeenIds } from './seen-ids.js';

/** How to scan more items than fit into memory. */
export interface SpillOptions {
  /** Folder for files without a name: they are gone with the process, or when the scan is closed. */
  readonly folder: string;
  /** Begins once more, from the beginning of the source. Called at most once, if ids could be taken twice. */
  readonly again: () => Pick<ScanOptions, 'source' | 'places' | 'measure'>;
  /** Ids that are kept in memory. Default a million. */
  readonly keptIds?: number;
}

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
  /** The skipped lines are in the result, and not only counted. Default true. */
  readonly listInvalid?: boolean;
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
  /** Bounds the memory for what is known of each item. Without it that grows with the number of items. */
  readonly spill?: SpillOptions;
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
  /** The offsets object. */
  readonly offsets: ItemRecords;
  /** The object of the attached files' stamps, in pieces; none without attached files. */
  readonly stamps: readonly Uint8Array[];
  /** The object of the order in which items are asked, in pieces; none unless it was wanted. */
  readonly order: readonly Uint8Array[];
  /** The object of the items' keys. */
  readonly keys: ItemRecords;
  /** The invalid lines, under `skipInvalid` and `listInvalid` only. */
  readonly invalid: readonly InvalidItem[];
  /** The first problems of these lines, {@link LISTED_PROBLEMS} at most. */
  readonly problems: readonly LineProblem[];
  /** What `measure` found of all items that are asked, by modality. */
  readonly measured: Readonly<ModalityCounts>;
  /** Where the lines come from, as in the options. */
  readonly places?: InputPlaces | undefined;
  /** Removes the files that hold the objects. Idempotent. */
  close(): void;
}

/**
 * Reads an input, checks every line and finds where each item lies. Memory does not grow with the text: it is the longest
 * line, and what is known of each item: 20 bytes of offsets, 24 of its key (35 under `unique`) and up to 40 of an id. With
 * `spill` these are bounded too, but for the keys under `unique`; an input of so many items is then read twice if ids repeat.
 * Throws {@link InvalidInputError} for lines that break the rules (unless they are skipped), {@link InputError} for an
 * input without items or in another format, and the source's own errors as they come.
 */
export async function scanInput(options: ScanOptions): Promise<ScanResult> {
  const { spill } = options;
  if (spill === undefined) return await scanOnce(options, new SeenIds());
  const file = new ScratchFile(spill.folder);
  try {
    const ids = new ManyIds(file, spill.keptIds);
    const found = await scanOnce(options, ids, (wanted) => ids.repeated(wanted));
    if (!('repeated' in found)) return found;
    return await scanOnce({ ...options, ...spill.again() }, exactIds(found.repeated));
  } finally {
    file.close();
  }
}

async function scanOnce(options: ScanOptions, ids: Ids): Promise<ScanResult>;
async function scanOnce(
  options: ScanOptions,
  ids: Ids,
  repeatedAmong: RepeatedAmong,
): Promise<ScanResult | { readonly repeated: RepeatedIds }>;
async function scanOnce(
  options: ScanOptions,
  ids: Ids,
  repeatedAmong: RepeatedAmong = () => undefined,
): Promise<ScanResult | { readonly repeated: RepeatedIds }> {
  const { source, signal, onProgress } = options;
  const scan = new Scan(options, ids);
  signal?.throwIfAborted();
  // A stream that waits for its next bytes must end as well.
  if (signal !== undefined && source instanceof Readable) addAbortSignal(signal, source);
  try {
    for await (const piece of source) {
      signal?.throwIfAborted();
      const progress = await scan.push(piece);
      onProgress?.(progress);
    }
    await scan.end();
    const repeated = repeatedAmong(scan.withoutId());
    if (repeated === undefined) return scan.finish();
    scan.close();
    return { repeated };
  } catch (error) {
    scan.close();
    signal?.throwIfAborted();
    throw error;
  }
}

/** Returns ids that could be taken twice; `wanted` are numbers of lines without a usable id. */
type RepeatedAmong = (wanted: Iterable<number>) => RepeatedIds | undefined;

class Scan {
  private readonly manifest: ManifestBuilder;
  private readonly file: ScratchFile | undefined;
  private readonly offsets: OffsetsWriter;
  private readonly stamps = new StampsWriter();
  private readonly order: PrefixOrderWriter | undefined;
  private keys: KeysWriter | undefined;
  /** Items before the first that has a key. */
  private keyless = 0;
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

  constructor(
    private readonly options: ScanOptions,
    private readonly ids: Ids,
  ) {
    const maxLineBytes = Math.min(options.maxLineBytes ?? DEFAULT_MAX_LINE_BYTES, constants.MAX_STRING_LENGTH);
    this.manifest = new ManifestBuilder(options.chunkSize);
    this.attachments = new AttachmentChecker(options.attachments, options.hashFiles === true);
    const { chunkSize, measure, places, groupPrefix = false, api, spill } = options;
    this.reader = new LineReader(maxLineBytes, measure, places, groupPrefix, api, ids);
    this.file = spill === undefined ? undefined : new ScratchFile(spill.folder);
    this.offsets = new OffsetsWriter(this.file);
    this.order = groupPrefix ? new PrefixOrderWriter(chunkSize) : undefined;
    this.splitter = new LineSplitter((line) => this.read(line), maxLineBytes);
  }

  async push(piece: Uint8Array): Promise<{ bytes: number; items: number }> {
    this.manifest.addBytes(piece);
    this.splitter.push(piece);
    await this.settle();
    return { bytes: this.manifest.bytes, items: this.manifest.items };
  }

  /** Takes the end of the source. */
  async end(): Promise<void> {
    this.splitter.end();
    await this.settle();
  }

  /** Returns the numbers of the skipped lines that say no id that can be used. */
  *withoutId(): Generator<number, void, undefined> {
    for (const { id, line } of this.invalid) if (id === undefined) yield line;
  }

  /** Removes what does not fit into memory. */
  close(): void {
    this.file?.close();
  }

  finish(): ScanResult {
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
    const offsets = this.offsets.records();
    const order = this.order?.blocks() ?? [];
    return {
      manifest: this.manifest.build(api),
      offsets,
      stamps,
      order,
      keys: this.keysWriter().records(),
      invalid: this.withIds(),
      problems: this.problems,
      measured,
      places,
      close: () => this.close(),
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
    const first = this.firstLike(isGood ? keyOf(line, good) : undefined);
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

  /** Adds an item's key. Returns the first item that is the same, if that is to be found. */
  private firstLike(key: Uint8Array | undefined): number | undefined {
    if (this.keys === undefined && key === undefined) {
      this.keyless++;
      return undefined;
    }
    return this.keysWriter().add(key);
  }

  /** Whether the same is to be found depends on what the run asks by, which the first good item may say. */
  private keysWriter(): KeysWriter {
    if (this.keys !== undefined) return this.keys;
    const { unique = false } = this.options;
    const isUnique = typeof unique === 'boolean' ? unique : unique(this.reader.api);
    this.keys = isUnique ? new ItemKeys() : new PlainKeys(this.file);
    for (let item = 0; item < this.keyless; item++) this.keys.add(undefined);
    return this.keys;
  }

  private enterInvalid({ line, id }: ReadLine, problems: readonly FieldProblem[]): void {
    if (this.options.skipInvalid && this.options.listInvalid !== false) {
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
    const { ids } = this;
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
