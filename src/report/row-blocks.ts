import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { TableRow } from './row.js';
import type { RowBlock } from './row-block.js';
import { clipped } from './words.js';

/** Rows of a block at most, and characters of their texts: a block is in memory whole, here and in the page. */
const MAX_ROWS = 2_000;
const MAX_CHARS = 4_000_000;
/** Characters of an attachment's name that are shown: it may be a data: URL of megabytes. */
const LONGEST_ATTACHMENT = 300;

const compress = promisify(gzip);

/** The rows as blocks, in base64: memory is one block, however many rows. */
export async function* rowBlocks(rows: AsyncIterable<TableRow>): AsyncGenerator<string, void, undefined> {
  let block: TableRow[] = [];
  let chars = 0;
  for await (const row of rows) {
    block.push(row);
    chars += row.text.length + (row.prompt?.length ?? 0);
    if (block.length < MAX_ROWS && chars < MAX_CHARS) continue;
    yield await encoded(block);
    block = [];
    chars = 0;
  }
  if (block.length > 0) yield await encoded(block);
}

async function encoded(rows: readonly TableRow[]): Promise<string> {
  return (await compress(JSON.stringify(rowBlock(rows)))).toString('base64');
}

/** Some rows as columns. */
export function rowBlock(rows: readonly TableRow[]): RowBlock {
  const names = new Names();
  return {
    version: 1,
    items: rows.map(({ item }) => item),
    ids: rows.map(({ id }) => id),
    models: rows.map(({ model }) => (model === null ? -1 : names.position(model))),
    failures: rows.flatMap(({ ok, attempts, tried = [] }, row) =>
      ok ? [] : [[row, attempts ?? null, tried.map((name) => names.position(name))]],
    ),
    texts: rows.map(({ text }) => text),
    prompts: rows.map(({ prompt }) => prompt ?? null),
    tokens: rows.map(({ tokens }) => tokens),
    at: differences(rows.map(({ at }) => at)),
    ms: rows.map(({ ms }) => ms ?? null),
    truncated: rows.flatMap(({ truncated }, row) => (truncated ? [row] : [])),
    attachments: rows.flatMap(({ attachment }, row) =>
      attachment === undefined ? [] : [[row, clipped(attachment, LONGEST_ATTACHMENT)]],
    ),
    names: names.list,
  };
}

function differences(moments: readonly (number | undefined)[]): (number | null)[] {
  let before = 0;
  return moments.map((at) => {
    if (at === undefined) return null;
    const difference = at - before;
    before = at;
    return difference;
  });
}

/** Names by the order in which they came. */
class Names {
  private readonly positions = new Map<string, number>();

  get list(): string[] {
    return [...this.positions.keys()];
  }

  position(name: string): number {
    const known = this.positions.get(name);
    if (known !== undefined) return known;
    this.positions.set(name, this.positions.size);
    return this.positions.size - 1;
  }
}
