import type { Table } from './columns.js';
import { type Pieces, writtenLines } from './lines.js';
import type { RawJson } from './raw-json.js';

/** Writes output lines as one JSON array, an element a line. */
export async function* jsonArray(pieces: Pieces): AsyncGenerator<Uint8Array> {
  // Bytes as they are, each a character: nothing of a line is looked at.
  let between = '\n';
  const element = (line: Buffer): string => {
    const text = between + line.toString('latin1');
    between = ',\n';
    return text;
  };
  yield* writtenLines(pieces, element, { head: '[', encoding: 'latin1' });
  yield Buffer.from('\n]\n');
}

/** Writes output lines as flat objects, one a line: all have the same fields, null where there is nothing. */
export async function* flatLines(pieces: Pieces, table: Table): AsyncGenerator<Uint8Array> {
  const names = table.columns.map(({ name }) => JSON.stringify(name));
  const field = (value: RawJson | undefined, at: number) => `${names[at]}:${value ?? 'null'}`;
  yield* writtenLines(pieces, (line) => `{${table.cells(line.toString('utf8')).map(field).join(',')}}\n`);
}
