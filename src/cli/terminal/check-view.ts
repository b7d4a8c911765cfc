import type { ApiName } from '../../batch/api.js';
import { tokenRule } from '../../batch/estimate.js';
import { countOf, MODALITIES, type ModalityCounts } from '../../batch/modality.js';
import { formatCount, formatItems, formatShort } from './format.js';
import { clean, clip, namedLines } from './text.js';

/** A file of a checked input. */
export interface CheckedFile {
  readonly name: string;
  readonly format: string;
  readonly compression: string | null;
  /** Size (bytes). */
  readonly bytes: number | null;
  /** Of a file without a header those of its first rows. */
  readonly columns: readonly string[];
}

/** What is in an input: the answer of `check`, also as JSON. */
export interface CheckReport {
  readonly files: readonly CheckedFile[];
  /** Null if the input cannot be read to its end. */
  readonly items: (Readonly<ModalityCounts> & { readonly all: number; readonly invalid: number }) | null;
  /** Items by the model that they name; none if no item names one. */
  readonly models: Readonly<Record<string, number>>;
  /** What the items are asked by; absent for chats. */
  readonly api?: ApiName;
  /** Estimated tokens of all prompts, with system messages and attachments. */
  readonly promptTokens: number;
  /** The item whose texts have the most tokens, estimated. */
  readonly largest: { readonly tokens: number; readonly place: string } | null;
  /** Items that ask what an earlier one asks, and the first of them. */
  readonly duplicates: {
    readonly items: number;
    readonly first: { readonly place: string; readonly earlier: string } | null;
  } | null;
  /** The first problems. */
  readonly problems: readonly { readonly place: string; readonly message: string }[];
  /** Why the input cannot be read. */
  readonly error: string | null;
}

/** Width that a page is written for. */
const WIDTH = 80;
/** Where the facts begin. */
const INDENT = 12;

/** Files and columns that are shown; the rest is counted. */
const SHOWN_FILES = 10;
const SHOWN_COLUMNS = 50;

const SHOWN_MODELS = 20;

/** Longer names of columns and models are clipped. */
const LONGEST_NAME = 40;

/** What is in an input, as a page of text within 80 columns, without a line end at its end. */
export function checkView(report: CheckReport): string {
  return [
    ...fileLines(report),
    ...(report.items === null ? [] : itemLines(report, report.items)),
    ...(report.error === null ? [] : fact('Error', report.error)),
    ...problemLines(report),
  ].join('\n');
}

function fileLines({ files }: CheckReport): string[] {
  const lines = files.slice(0, SHOWN_FILES).flatMap((file) => [...fact('File', fileText(file)), ...columnLines(file)]);
  const rest = files.length - SHOWN_FILES;
  return rest > 0 ? [...lines, ...fact('', `… and ${formatCount(rest)} more files`)] : lines;
}

function fileText({ name, format, compression, bytes }: CheckedFile): string {
  const packed = compression === null ? '' : ` in ${compression}`;
  const size = bytes === null ? '' : `, ${formatShort(bytes)} bytes`;
  return `${name}: ${format}${packed}${size}`;
}

function columnLines({ columns }: CheckedFile): string[] {
  if (columns.length === 0) return [];
  const shown = columns.slice(0, SHOWN_COLUMNS).map((column) => clip(clean(column), LONGEST_NAME));
  const rest = columns.length - shown.length;
  return fact('Columns', rest > 0 ? `${shown.join(', ')} and ${formatCount(rest)} more` : shown.join(', '));
}

function itemLines(report: CheckReport, items: NonNullable<CheckReport['items']>): string[] {
  const { largest, promptTokens } = report;
  const valid = items.all - items.invalid;
  const mean = valid === 0 ? 0 : promptTokens / valid;
  const most = largest === null ? '' : `; the largest text ${formatShort(largest.tokens)} (${largest.place})`;
  return [
    ...fact('Items', itemsText(items)),
    ...modelLines(report),
    ...fact('Duplicates', duplicatesText(report)),
    ...fact('Tokens', `about ${formatShort(promptTokens)} of prompts, ${formatShort(mean)} each on average${most}`),
    ...fact('', tokenRule(report.api ?? 'chat')),
  ];
}

function itemsText(items: NonNullable<CheckReport['items']>): string {
  const kinds = MODALITIES.filter((modality) => countOf(items, modality) > 0).map(
    (modality) => `${formatCount(countOf(items, modality))} ${modality}`,
  );
  const invalid = items.invalid === 0 ? [] : [`${formatCount(items.invalid)} invalid`];
  return `${formatCount(items.all)}: ${[...kinds, ...invalid].join(', ')}`;
}

function modelLines({ models, items }: CheckReport): string[] {
  const all = Object.entries(models);
  if (all.length === 0 || items === null) return [];
  const shown = all
    .slice(0, SHOWN_MODELS)
    .map(([model, count]) => `${clip(clean(model), LONGEST_NAME)} ${formatCount(count)}`);
  const more = all.length - shown.length;
  const unnamed = items.all - items.invalid - all.reduce((sum, [, count]) => sum + count, 0);
  const others = [
    ...(more > 0 ? [`${formatCount(more)} more`] : []),
    ...(unnamed > 0 ? [`${formatCount(unnamed)} name none`] : []),
  ];
  return fact('Models', [...shown, ...others].join(', '));
}

function duplicatesText({ duplicates }: CheckReport): string {
  if (duplicates === null || duplicates.first === null) return 'none: no item asks what another asks';
  const { items, first } = duplicates;
  return `${formatItems(items)} with the content of an earlier one, the first ${first.place}, as ${first.earlier}`;
}

function problemLines({ problems, items }: CheckReport): string[] {
  if (problems.length === 0 || items === null) return [];
  const title = `${formatCount(items.invalid)} invalid ${items.invalid === 1 ? 'item' : 'items'}, the first problems:`;
  return ['', title, ...problems.flatMap(({ place, message }) => namedLines('  ', `${place}: ${message}`, WIDTH))];
}

/** A fact after its name, over as many lines as it takes. */
function fact(name: string, text: string): string[] {
  return namedLines(name.padEnd(INDENT), text, WIDTH);
}
