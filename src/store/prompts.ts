import {
  MAX_LINE_BYTES,
  MAX_PAGE_BYTES,
  type OutputLine,
  type PromptItem,
  type ResultsPage,
} from '../batch/prompts.js';
import { LineSplitter } from '../input/lines.js';
import { damaged, type Storage, StorageError } from '../storage/storage.js';
import { Checksum, contentSchema, streamChecked } from './checked-object.js';
import { getSealed, ifThere } from './json.js';
import { inputKey, resultsRecordOf } from './run-directory.js';

/** Size of the pieces in which prompts are written (bytes). */
const PIECE_BYTES = 256 * 1024;

/**
 * Writes prompts as an input, one line each, under a key that follows from their content. Returns the key. Idempotent. Throws a
 * `RangeError` for no prompts, and a `TypeError` for what is neither a text nor an object; all else is checked by the run.
 */
export async function stagePrompts(
  storage: Storage,
  items: Iterable<PromptItem> | AsyncIterable<PromptItem>,
): Promise<string> {
  let count = 0;
  async function* lines(): AsyncGenerator<string, void, undefined> {
    for await (const item of items) {
      yield lineOf(item, count);
      count++;
    }
    if (count === 0) throw new RangeError('there are no prompts to stage');
  }
  return await putHashed(storage, inPieces(lines()));
}

/** Joins staged inputs, in their order, into one. Returns its key. Idempotent: the parts stay. */
export async function joinInputs(storage: Storage, inputs: readonly string[]): Promise<string> {
  async function* content(): AsyncGenerator<Uint8Array, void, undefined> {
    for (const key of inputs) yield* await storage.stream(key);
  }
  return await putHashed(storage, content());
}

/**
 * Streams a run's output lines. Throws a {@link StorageError}: `NOT_FOUND` if there are none under the key, and `DAMAGED`, at
 * their end at the latest, if they are not what was written.
 */
export async function* streamOutputLines(
  storage: Storage,
  results: string,
): AsyncGenerator<OutputLine, void, undefined> {
  let found: OutputLine[] = [];
  const splitter = new LineSplitter(
    ({ content }) => void found.push(parse(storage, results, content)),
    Number.POSITIVE_INFINITY,
  );
  const written = await ifThere(getSealed(storage, resultsRecordOf(results), contentSchema));
  const content = written === undefined ? await storage.stream(results) : streamChecked(storage, results, written);
  for await (const piece of content) {
    splitter.push(piece);
    yield* found;
    found = [];
  }
  splitter.end();
  yield* found;
}

/**
 * Reads the output lines from a byte on that fit into one page; a line that is larger has a page of its own. Throws a
 * `RangeError` for a line that no payload can carry.
 */
export async function readResultsPage(storage: Storage, results: string, from: number): Promise<ResultsPage> {
  const size = await storage.size(results);
  if (size === undefined) throw new StorageError('NOT_FOUND', results, `${storage.root}/${results}: there is none`);
  const page = (await wholeLines(storage, results, from, MAX_PAGE_BYTES)) ?? (await oneLine(storage, results, from));
  const lines = page
    .toString('utf8')
    .split('\n')
    .filter((text) => text !== '')
    .map((text) => parse(storage, results, text));
  const next = from + page.length;
  return next < size ? { lines, size, next } : { lines, size };
}

async function oneLine(storage: Storage, results: string, from: number): Promise<Buffer> {
  const bytes = await wholeLines(storage, results, from, MAX_LINE_BYTES);
  if (bytes !== undefined) return bytes.subarray(0, bytes.indexOf('\n') + 1);
  throw new RangeError(
    `${results}: the line at byte ${from} has more than ${MAX_LINE_BYTES} bytes, too many for a payload: read the results ` +
      'in an activity of your own, with `readResults` from dria-temporal',
  );
}

/** Reads the lines that end within so many bytes; undefined if none does. */
async function wholeLines(storage: Storage, results: string, from: number, max: number): Promise<Buffer | undefined> {
  const bytes = Buffer.from(await storage.getRange(results, from, from + max));
  const end = bytes.lastIndexOf('\n') + 1;
  return end === 0 && bytes.length > 0 ? undefined : bytes.subarray(0, end);
}

/** Reads all output lines of results that have `maxBytes` or fewer; undefined if they have more. */
export async function readSmallResults(
  storage: Storage,
  results: string,
  maxBytes: number,
): Promise<{ readonly lines?: OutputLine[]; readonly bytes: number }> {
  const bytes = (await storage.size(results)) ?? 0;
  if (bytes > maxBytes) return { bytes };
  const lines: OutputLine[] = [];
  for await (const line of streamOutputLines(storage, results)) lines.push(line);
  return { lines, bytes };
}

function parse(storage: Storage, key: string, line: string | Buffer): OutputLine {
  try {
    // A line of ours: what wrote it has checked it, and an endpoint's own fields must pass.
    return JSON.parse(line.toString());
  } catch (error) {
    throw damaged(storage, key, 'a line of it is not JSON', error);
  }
}

function lineOf(item: PromptItem, at: number): string {
  const record = typeof item === 'string' ? { prompt: item } : item;
  if (typeof record !== 'object' || record === null || Array.isArray(record)) {
    throw new TypeError(`prompt ${at + 1} is neither a text nor an object with a prompt`);
  }
  return `${JSON.stringify(record)}\n`;
}

async function* inPieces(lines: AsyncIterable<string>): AsyncGenerator<Uint8Array, void, undefined> {
  let texts: string[] = [];
  let size = 0;
  for await (const line of lines) {
    texts.push(line);
    size += line.length;
    if (size < PIECE_BYTES) continue;
    yield Buffer.from(texts.join(''));
    texts = [];
    size = 0;
  }
  if (texts.length > 0) yield Buffer.from(texts.join(''));
}

/** Writes content under the key that follows from it. Returns the key. */
async function putHashed(storage: Storage, content: AsyncIterable<Uint8Array>): Promise<string> {
  const checksum = new Checksum();
  let key: string | undefined;
  const name = (): string => {
    key ??= inputKey(checksum.value().sha256);
    return key;
  };
  const hashed = checksum.of(content);
  if (storage.putNamedLater !== undefined) {
    await storage.putNamedLater(hashed, name);
    return name();
  }
  // The storage needs the key first: the content waits in memory, where its prompts were.
  const pieces: Uint8Array[] = [];
  for await (const piece of hashed) pieces.push(piece);
  await storage.put(name(), Buffer.concat(pieces));
  return name();
}
