import { LineSplitter } from '../input/lines.js';

/** Output lines as they come in pieces. */
export type Pieces = AsyncIterable<Uint8Array>;

/** Writes lines as text, after each piece that which `written` returns for its lines; `head` stands before the first. */
export async function* writtenLines(
  pieces: Pieces,
  written: (line: Buffer) => string,
  { head = '', encoding = 'utf8' }: { readonly head?: string; readonly encoding?: BufferEncoding } = {},
): AsyncGenerator<Uint8Array> {
  let text = head;
  const add = (line: Buffer): void => {
    text += written(line);
  };
  for await (const _ of eachLine(pieces, add)) {
    if (text !== '') yield Buffer.from(text, encoding);
    text = '';
  }
}

/** Calls `onLine` for each line and yields after each piece, so that what was made of its lines can go on. */
export async function* eachLine(
  pieces: Pieces,
  onLine: (line: Buffer) => void,
): AsyncGenerator<undefined, void, undefined> {
  const splitter = new LineSplitter(({ content }) => onLine(content), Number.POSITIVE_INFINITY);
  for await (const piece of pieces) {
    splitter.push(piece);
    yield;
  }
  splitter.end();
  yield;
}
