import type { ColumnSource, SchemaElement } from 'hyparquet-writer';
import { type ColumnType, integerOf, type ScalarType } from './column-type.js';
import type { Cells, Column, Table } from './columns.js';
import { eachLine, type Pieces } from './lines.js';
import { elementsOf, type RawJson, textOf } from './raw-json.js';

/** Size of the lines of a row group (bytes), its rows, and its values: what is in memory at a time. */
const GROUP_BYTES = 8 << 20;
const GROUP_ROWS = 100_000;
const GROUP_VALUES = 8_000_000;

/** A value as the writer takes it. */
type Value = string | number | bigint | boolean | readonly Value[] | null;

/** Writes output lines as a Parquet file, a row group after the other. Memory is that of a row group. */
export async function* parquetFile(pieces: Pieces, { columns, cells }: Table): AsyncGenerator<Uint8Array> {
  const { ByteWriter, ParquetWriter } = await import('hyparquet-writer');
  const bytes = new ByteWriter();
  const file = new ParquetWriter({ writer: bytes, schema: fileSchema(columns, RAW_JSON), createdBy: 'dria-temporal' });
  const ready: Uint8Array[] = [];
  let group = new RowGroup(columns);
  const flush = (): void => {
    // It writes into memory, so it is done when it returns.
    if (group.rows > 0) void file.write({ columnData: group.sources(), rowGroupSize: group.rows });
    group = new RowGroup(columns);
    ready.push(bytes.getBytes().slice());
    // The writer begins anew at its start; what it counts as written stays.
    bytes.index = 0;
  };
  const addLine = (line: Buffer): void => {
    group.add(cells(line.toString('utf8')), line.length);
    if (group.isFull) flush();
  };
  for await (const _ of eachLine(pieces, addLine)) yield* ready.splice(0);
  flush();
  file.schema = fileSchema(columns, NAMED_JSON);
  await file.finish();
  ready.push(bytes.getBytes().slice());
  yield* ready;
}

/** The rows that are written together, column by column. */
class RowGroup {
  rows = 0;
  private bytes = 0;
  private readonly values: Value[][];

  constructor(private readonly columns: readonly Column[]) {
    this.values = columns.map(() => []);
  }

  add(cells: Cells, bytes: number): void {
    this.columns.forEach(({ type }, at) => {
      this.values[at]?.push(toValue(cells[at], type));
    });
    this.rows++;
    this.bytes += bytes;
  }

  get isFull(): boolean {
    const { rows, bytes, columns } = this;
    return bytes >= GROUP_BYTES || rows >= GROUP_ROWS || rows * columns.length >= GROUP_VALUES;
  }

  sources(): ColumnSource[] {
    return this.columns.map(({ name, type }, at) => ({
      name,
      data: this.values[at] ?? [],
      // Bounds of texts help no reader, and those of each row group are in memory until the file ends.
      statistics: type !== 'string' && type !== 'json' && typeof type === 'string',
    }));
  }
}

function toValue(cell: RawJson | undefined, type: ColumnType): Value {
  if (cell === undefined || cell === 'null') return null;
  if (type === 'json') return cell;
  return typeof type === 'string'
    ? scalarOf(cell, type)
    : elementsOf(cell).map((element) => toValue(element, type.list));
}

function scalarOf(cell: RawJson, type: ScalarType): Value {
  switch (type) {
    case 'boolean':
      return cell === 'true';
    case 'integer':
      return integerOf(cell);
    case 'number':
      return Number(cell);
    case 'string':
      return textOf(cell);
  }
}

type Json = Omit<SchemaElement, 'name'>;

/** JSON as the writer leaves it alone; of what older readers know JSON by, it makes the JSON of a text. */
const RAW_JSON: Json = { type: 'BYTE_ARRAY', logical_type: { type: 'JSON' } };
/** JSON as the file has it, for all readers. */
const NAMED_JSON: Json = { ...RAW_JSON, converted_type: 'JSON' };

function fileSchema(columns: readonly Column[], json: Json): SchemaElement[] {
  return [{ name: 'results', num_children: columns.length }, ...columns.flatMap((column) => elementsFor(column, json))];
}

/** Every column may be null: a failed item has no answer, and an answered one no error. */
function elementsFor({ name, type }: Column, json: Json): SchemaElement[] {
  if (type === 'json') return [{ name, ...OPTIONAL, ...json }];
  if (typeof type === 'string') return [{ name, ...OPTIONAL, ...SCALARS[type] }];
  return [
    { name, ...OPTIONAL, num_children: 1, converted_type: 'LIST', logical_type: { type: 'LIST' } },
    { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
    { name: 'element', ...OPTIONAL, ...SCALARS[type.list] },
  ];
}

const OPTIONAL = { repetition_type: 'OPTIONAL' } as const;

const SCALARS: Readonly<Record<ScalarType, Omit<SchemaElement, 'name'>>> = {
  boolean: { type: 'BOOLEAN' },
  integer: { type: 'INT64' },
  number: { type: 'DOUBLE' },
  string: { type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } },
};
