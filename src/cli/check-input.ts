import { resolve } from 'node:path';
import { z } from 'zod';
import { API_NAMES, givenTokens } from '../batch/api.js';
import { estimateRun, textTokens } from '../batch/estimate.js';
import { groupsOf } from '../batch/item-groups.js';
import type { Manifest } from '../batch/manifest.js';
import { sumOfModalities } from '../batch/modality.js';
import { type BatchOptions, batchOptionsSchema } from '../batch/options.js';
import type { ReadOptions } from '../batch/read-options.js';
import { loadSchemaCompiler } from '../dria/schema-compiler.js';
import { resolveDataDir } from '../embedded/data-dir.js';
import type { DetectedFile } from '../input/detect.js';
import { describeProblem, InputError } from '../input/errors.js';
import type { InputFile } from '../input/input-file.js';
import { nameOfInput } from '../input/input-name.js';
import type { Measure } from '../input/line-reader.js';
import { detectFiles } from '../input/open-input.js';
import { openRows } from '../input/open-rows.js';
import type { ParsedItem } from '../input/parse-line.js';
import type { InputPlaces } from '../input/places.js';
import type { RowSource } from '../input/rows.js';
import { type ScanResult, scanInput } from '../input/scan.js';
import { ScratchFile } from '../input/scratch-file.js';
import { DEFAULT_MAX_ATTACHMENT_BYTES } from '../input/size.js';
import { SpilledTable } from '../input/spilled-table.js';
import { NO_FOLDER } from '../store/settings.js';
import { Cleanup } from './cleanup.js';
import { UserError } from './errors.js';
import { EXIT, type Io } from './io.js';
import { keptPipe } from './kept-pipe.js';
import { openInputs } from './open-inputs.js';
import { openReporter } from './open-reporter.js';
import { readFlagsShape, readOptionsOf } from './read-flags.js';
import { withConstantSystem } from './row-flags.js';
import { Spool } from './spool.js';
import { megabytes, saying } from './stage-run.js';
import { type CheckedFile, type CheckReport, checkView } from './terminal/check-view.js';

/** Flags of `check`, as commander gives them. */
export const checkFlagsSchema = z.object({
  ...readFlagsShape,
  attachmentsRoot: z.array(z.string()).default([]),
  api: z.enum(API_NAMES).optional(),
  json: z.boolean().default(false),
});
export type CheckFlags = z.infer<typeof checkFlagsSchema>;

/** Names of columns that are reported of a file. */
const MAX_COLUMNS = 1_000;

/** Runs `check`: prints what is in an input. Asks no endpoint and starts nothing. Returns the exit code. */
export async function checkInput(inputs: readonly string[], flags: CheckFlags, io: Io): Promise<number> {
  const asked = withConstantSystem({
    read: await readOptionsOf(flags, io.interrupt),
    options: batchOptionsSchema.parse({ skipInvalid: true, api: flags.api }),
  });
  const cleanup = new Cleanup();
  try {
    const reporter = cleanup.add(openReporter(flags.json, io), (opened) => opened.close());
    const say = saying(reporter);
    const files = await openFiles(inputs, io, cleanup);
    const report = await reportOf(files, {
      ...asked,
      roots: flags.attachmentsRoot.map((folder) => resolve(folder)),
      dataDir: resolveDataDir(undefined, io.env),
      signal: io.interrupt,
      onProgress: ({ bytes, items }) =>
        say(() => `checking the input: ${megabytes(bytes)} MB, ${items.toLocaleString('en')} items`),
    });
    io.stdout.write(`${flags.json ? JSON.stringify(report) : checkView(report)}\n`);
    return report.error === null && report.items?.invalid === 0 ? EXIT.OK : EXIT.USAGE;
  } catch (error) {
    throw error instanceof InputError ? new UserError(error.message, { exitCode: 2, cause: error }) : error;
  } finally {
    await cleanup.run();
  }
}

/** Opens the files that are named; what comes through a pipe is kept, since it is read twice. */
async function openFiles(inputs: readonly string[], io: Io, cleanup: Cleanup): Promise<InputFile[]> {
  const { stdin, interrupt, env } = io;
  const files: InputFile[] = [];
  for (const file of await openInputs(inputs, { stdin, env, signal: interrupt })) {
    if (file.readRange !== undefined) {
      files.push(file);
      continue;
    }
    const spool = cleanup.add(await Spool.open(resolveDataDir(undefined, env)), (opened) => opened.remove());
    files.push(await keptPipe(file, spool));
  }
  return files;
}

/** What an input is checked with. */
interface Checking {
  readonly read: ReadOptions;
  readonly options: BatchOptions;
  readonly roots: readonly string[];
  readonly dataDir: string;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: { readonly bytes: number; readonly items: number }) => void;
}

async function reportOf(inputs: readonly InputFile[], checking: Checking): Promise<CheckReport> {
  const opened = await detectFiles(inputs, checking.read, checking.roots);
  const files: CheckedFile[] = [];
  for (const file of opened.files) files.push(await checkedFile(file, checking.read));
  const { source, places } = opened.read();
  const { dataDir } = checking;
  const file = new ScratchFile(dataDir);
  const { system } = checking.options;
  let contents = new Contents(system, file);
  const measure: Measure = (item, line) => contents.measure(item, line);
  const again = () => {
    contents = new Contents(system, file);
    return { ...opened.read(), measure };
  };
  const [folder = NO_FOLDER, ...others] = opened.folders;
  try {
    const scan = await scanInput({
      source,
      places,
      name: nameOfInput(inputs.map(({ name }) => name)),
      attachments: { folder, roots: [...checking.roots, ...others], maxBytes: DEFAULT_MAX_ATTACHMENT_BYTES },
      chunkSize: checking.options.chunkSize,
      api: checking.options.api,
      skipInvalid: true,
      loadCompile: loadSchemaCompiler,
      listInvalid: false,
      signal: checking.signal,
      onProgress: checking.onProgress,
      measure,
      spill: { folder: dataDir, again },
    });
    scan.close();
    const placeOf = (line: number): string => placeIn(places, inputs, line);
    return { files, ...itemsOf(scan), ...contents.report(placeOf), problems: problemsOf(scan, placeOf), error: null };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    // What was found of the files helps to see what is wrong.
    const nothing = { items: null, models: {}, promptTokens: 0, duplicates: null, largest: null, problems: [] };
    return { files, ...nothing, error: error.message };
  } finally {
    file.close();
  }
}

function placeIn(places: InputPlaces | undefined, [file]: readonly InputFile[], line: number): string {
  return places?.placeOf(line) ?? `${file?.name}:${line}`;
}

async function checkedFile(file: DetectedFile, read: ReadOptions): Promise<CheckedFile> {
  const { format, compression = null } = file;
  const { name, bytes = null } = file.file;
  return { name, format, compression, bytes, columns: await columnsOf(file, read) };
}

/** Returns the columns of a table, or those of the first rows of a file whose rows have their own. */
async function columnsOf(file: DetectedFile, read: ReadOptions): Promise<string[]> {
  const rows = await openRows(file, read);
  try {
    return [...(rows.columns ?? (await firstColumns(rows)))].slice(0, MAX_COLUMNS);
  } finally {
    await rows.close?.();
  }
}

async function firstColumns(rows: RowSource): Promise<ReadonlySet<string>> {
  const columns = new Set<string>();
  for await (const batch of rows.batches(undefined)) {
    for (const row of batch) if (!('problems' in row)) for (const column of row.columns) columns.add(column);
    if (columns.size > 0) break;
  }
  return columns;
}

function itemsOf({ manifest, measured }: ScanResult): Pick<CheckReport, 'items' | 'models' | 'promptTokens' | 'api'> {
  const { modalities, items, invalid, api } = manifest;
  const nobody = { models: [], maxTokens: 1, retries: 0, prices: {}, api };
  const { promptTokens } = estimateRun({ modalities, textTokens: measured, ...nobody });
  return {
    items: { all: items, ...modalities, invalid },
    models: modelsOf(manifest),
    promptTokens,
    ...(api === undefined ? {} : { api }),
  };
}

/** Counts the items that name each model, most first. */
function modelsOf({ chunks, model, modalities }: Manifest): Record<string, number> {
  if (model !== undefined) return { [model]: sumOfModalities(modalities) };
  const counts = new Map<string, number>();
  for (const { model: named, items } of chunks.flatMap(groupsOf)) {
    if (named !== undefined) counts.set(named, (counts.get(named) ?? 0) + items.length);
  }
  return Object.fromEntries([...counts].sort(([, a], [, b]) => b - a));
}

function problemsOf({ problems }: ScanResult, placeOf: (line: number) => string): CheckReport['problems'] {
  return problems.map((problem) => ({
    place: problem.place ?? placeOf(problem.line),
    message: describeProblem(problem),
  }));
}

/** What is counted of the contents of items. */
class Contents {
  /** Contents with the line that had each first. */
  private readonly seen: SpilledTable;
  private duplicates = 0;
  private first: { readonly line: number; readonly earlier: number } | undefined;
  private largest: { readonly tokens: number; readonly line: number } | undefined;

  constructor(
    private readonly system: string | undefined,
    file: ScratchFile,
  ) {
    this.seen = new SpilledTable(file);
  }

  /** Counts an item. Returns its estimated tokens. */
  measure(item: ParsedItem, line: number): number {
    const { id: _id, columns: _columns, error: _error, ...asked } = item;
    const { prompt, system } = item;
    const earlier = this.seen.claim(JSON.stringify(asked), line);
    if (earlier !== undefined) this.addDuplicate(line, earlier);
    const tokens = textTokens(prompt) + textTokens(this.system ?? system ?? '') + givenTokens(item.input);
    if (this.largest === undefined || tokens > this.largest.tokens) this.largest = { tokens, line };
    return tokens;
  }

  private addDuplicate(line: number, earlier: number): void {
    this.duplicates++;
    if (this.first === undefined || line < this.first.line) this.first = { line, earlier };
  }

  report(placeOf: (line: number) => string): Pick<CheckReport, 'duplicates' | 'largest'> {
    this.seen.forEachRepeat((_hash, line, earlier) => this.addDuplicate(line, earlier));
    const { duplicates, first, largest } = this;
    const example = first === undefined ? null : { place: placeOf(first.line), earlier: placeOf(first.earlier) };
    return {
      duplicates: { items: duplicates, first: example },
      largest: largest === undefined ? null : { tokens: Math.ceil(largest.tokens), place: placeOf(largest.line) },
    };
  }
}
