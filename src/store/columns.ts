import type { Manifest } from '../batch/manifest.js';
import { type ItemOffset, lineChecksum } from '../input/offsets.js';
import { readLines } from '../input/read-items.js';
import { appendColumns, columnsIn } from '../input/record-line.js';
import { damaged, type Storage } from '../storage/storage.js';
import { readStagedOffsets } from './item-records.js';
import { mapOutputLines } from './output-line.js';
import { inputKey } from './run-directory.js';

/** Bytes of input lines whose columns are in memory at a time, unless a single line is longer. */
const WINDOW_BYTES = 4 << 20;

/** An output line, and where the input line of its item lies. */
interface JoinedLine {
  readonly line: Buffer;
  readonly offset: ItemOffset;
}

/**
 * Yields the output lines of a chunk with the columns that the lines of its input have for the output. `items` are those of
 * the lines, in their order. Nothing is read for an input without columns.
 */
export async function* withColumns(
  storage: Storage,
  run: string,
  { columns, sha256 }: Manifest,
  items: readonly number[],
  lines: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (columns !== true || items.length === 0) {
    yield* lines;
    return;
  }
  const offsets = await readStagedOffsets(storage, run, items);
  for await (const window of windows(lines, offsets)) yield await joined(storage, inputKey(sha256), window);
}

async function* windows(
  lines: AsyncIterable<Uint8Array>,
  offsets: readonly ItemOffset[],
): AsyncGenerator<readonly JoinedLine[], void, undefined> {
  const found = mapOutputLines(lines, 0, (at, line): JoinedLine | undefined => {
    const offset = offsets[at];
    // The line is valid only now.
    return offset === undefined ? undefined : { line: Buffer.from(line), offset };
  });
  for await (const some of found) yield* windowsOf(some);
}

function* windowsOf(lines: readonly JoinedLine[]): Generator<readonly JoinedLine[], void, undefined> {
  let window: JoinedLine[] = [];
  let bytes = 0;
  for (const line of lines) {
    if (window.length > 0 && bytes + line.offset.bytes > WINDOW_BYTES) {
      yield window;
      [window, bytes] = [[], 0];
    }
    window.push(line);
    bytes += line.offset.bytes;
  }
  if (window.length > 0) yield window;
}

async function joined(storage: Storage, input: string, window: readonly JoinedLine[]): Promise<Uint8Array> {
  const pieces: string[] = [];
  let at = 0;
  const offsets = window.map(({ offset }) => offset);
  for await (const [offset, content] of readLines((start, end) => storage.getRange(input, start, end), offsets)) {
    if (lineChecksum(content, offset.line) !== offset.crc) {
      throw damaged(storage, input, `line ${offset.line} is not what was checked`);
    }
    const { line } = window[at++] ?? { line: Buffer.of() };
    pieces.push(`${appendColumns(line.toString('utf8'), columnsIn(content))}\n`);
  }
  return Buffer.from(pieces.join(''));
}
