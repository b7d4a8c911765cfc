import type { ChatMessage, ItemId } from '../batch/items.js';
import type { JsonSchema } from '../batch/options.js';
import type { RequestBody } from '../batch/request-form.js';
import { attachedTexts } from './attached.js';
import { describeProblem, InputError } from './errors.js';
import { schemaOf } from './item-schema.js';
import { type ItemOffset, lineChecksum } from './offsets.js';
import { type ParsedItem, parseLine } from './parse-line.js';
import { columnsIn } from './record-line.js';

/** An item of the input, whole. */
export interface InputItem {
  /** 0-based index in the run. */
  readonly item: number;
  /** 1-based number of its line. */
  readonly line: number;
  /** Its own id, else its line number. */
  readonly id: ItemId;
  /** Its prompt, or the texts of its messages. */
  readonly prompt: string;
  /** The conversation, instead of a prompt. */
  readonly messages?: readonly ChatMessage[];
  /** What it asks, in the form of its path, instead of a prompt and messages. */
  readonly input?: unknown;
  /** Its attachments, those that parts of its messages name by their paths among them, in the order in which they are sent. */
  readonly attachments?: readonly string[];
  readonly system?: string;
  /** The model that it names. */
  readonly model?: string;
  /** Further fields of its request. */
  readonly body?: RequestBody;
  /** Maximum tokens of its answer, in the place of the run's. */
  readonly maxTokens?: number;
  /** Sampling temperature, in the place of the run's. */
  readonly temperature?: number;
  /** Schema of its answer, in the place of the run's. */
  readonly schema?: JsonSchema;
  /** What its output line has of the input's columns: the text of a JSON object. */
  readonly columns?: string;
}

/** Reads the bytes `[start, end)` of the input; fewer only at its end. */
export type ReadRange = (start: number, end: number) => Promise<Uint8Array>;

/** Bytes between two wanted lines that are read along rather than to ask twice. */
const MAX_GAP = 64 * 1024;
/** Bytes of one read, unless a single line is longer: each pack has one in memory. */
const MAX_READ = 1024 * 1024;

/**
 * Reads items back from the input, in the order of `wanted`, which rises. Lines that lie close together come by one
 * read; memory is one read. Throws {@link InputError} `CHANGED` for a line that is no longer the one that was checked,
 * and what `readRange` throws.
 */
export async function* readItems(
  readRange: ReadRange,
  wanted: readonly ItemOffset[],
  name = 'the input',
): AsyncGenerator<InputItem, void, undefined> {
  for await (const [offset, line] of readLines(readRange, wanted)) yield readItem(line, offset, name);
}

/** An item of the input, by its index in the run. */
export type ItemIdentity = Pick<InputItem, 'item' | 'id'>;

/** Reads the ids of items back as {@link readItems} does the items, those of one read at a time. */
export async function* readIds(
  readRange: ReadRange,
  wanted: readonly ItemOffset[],
  name = 'the input',
): AsyncGenerator<readonly ItemIdentity[], void, undefined> {
  for (const group of groupOffsets(wanted)) {
    const lines = await readGroup(readRange, group);
    yield lines.map(([offset, line]) => {
      const { id = offset.line } = parseChecked(line, offset, name);
      return { item: offset.item, id };
    });
  }
}

/** Reads lines back from the input as {@link readItems} does, and checks nothing: one that is cut off is shorter. */
export async function* readLines(
  readRange: ReadRange,
  wanted: readonly ItemOffset[],
): AsyncGenerator<readonly [ItemOffset, Buffer], void, undefined> {
  for (const group of groupOffsets(wanted)) yield* await readGroup(readRange, group);
}

async function readGroup(
  readRange: ReadRange,
  { start, end, offsets }: Group,
): Promise<readonly (readonly [ItemOffset, Buffer])[]> {
  const read = await readRange(start, end);
  const bytes = Buffer.from(read.buffer, read.byteOffset, read.byteLength);
  return offsets.map((offset) => {
    const from = offset.start - start;
    return [offset, bytes.subarray(from, from + offset.bytes)] as const;
  });
}

/**
 * Reads items back from the input in the order of `wanted`, whatever that is. Reads as {@link readItems} does, some items
 * ahead: memory is two reads, unless a single line is longer.
 */
export async function* readItemsInOrder(
  readRange: ReadRange,
  wanted: readonly ItemOffset[],
  name?: string,
): AsyncGenerator<InputItem, void, undefined> {
  for (let from = 0; from < wanted.length; ) {
    const window = wanted.slice(from, from + windowLength(wanted, from));
    const read = new Map<number, InputItem>();
    const rising = [...window].sort((a, b) => a.start - b.start);
    for await (const item of readItems(readRange, rising, name)) read.set(item.item, item);
    for (const { item } of window) {
      const found = read.get(item);
      if (found !== undefined) yield found;
    }
    from += window.length;
  }
}

/** Returns how many items from one on are one read together. */
function windowLength(wanted: readonly ItemOffset[], from: number): number {
  let bytes = wanted[from]?.bytes ?? 0;
  let end = from + 1;
  for (; end < wanted.length; end++) {
    bytes += wanted[end]?.bytes ?? 0;
    if (bytes > MAX_READ) break;
  }
  return end - from;
}

interface Group {
  readonly start: number;
  end: number;
  readonly offsets: ItemOffset[];
}

function groupOffsets(wanted: readonly ItemOffset[]): Group[] {
  const groups: Group[] = [];
  for (const offset of wanted) {
    const end = offset.start + offset.bytes;
    const group = groups.at(-1);
    const near = group !== undefined && offset.start >= group.end && offset.start - group.end <= MAX_GAP;
    if (near && end - group.start <= MAX_READ) {
      group.offsets.push(offset);
      group.end = end;
    } else {
      groups.push({ start: offset.start, end, offsets: [offset] });
    }
  }
  return groups;
}

/** Parses a line that was read back. */
function parseChecked(bytes: Buffer, { line, bytes: length, crc }: ItemOffset, name: string): ParsedItem {
  if (bytes.byteLength < length) throw changed(name, line, 'the file is shorter');
  const parsed = parseLine(bytes);
  if (!parsed.ok) throw changed(name, line, parsed.problems.map(describeProblem).join('; '));
  if (lineChecksum(bytes, line) !== crc) throw changed(name, line, 'it has another content');
  return parsed.value;
}

function readItem(bytes: Buffer, offset: ItemOffset, name: string): InputItem {
  const { item, line } = offset;
  const parsed = parseChecked(bytes, offset, name);
  const { prompt, id = line, system, model, messages, body, max_tokens: maxTokens, temperature, input } = parsed;
  const attached = attachedTexts(parsed);
  const schema = schemaOf(parsed);
  const columns = parsed.columns === undefined ? undefined : columnsIn(bytes);
  return {
    item,
    line,
    id,
    prompt,
    ...(attached.length === 0 ? {} : { attachments: attached.map(({ text }) => text) }),
    ...(system === undefined ? {} : { system }),
    ...(model === undefined ? {} : { model }),
    ...(messages === undefined ? {} : { messages }),
    ...(input === undefined ? {} : { input }),
    ...(body === undefined ? {} : { body }),
    ...(maxTokens === undefined ? {} : { maxTokens }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(schema === undefined ? {} : { schema }),
    ...(columns === undefined ? {} : { columns }),
  };
}

function changed(name: string, line: number, how: string): InputError {
  return new InputError('CHANGED', name, `${name}:${line}: the line has changed since it was checked: ${how}`);
}
