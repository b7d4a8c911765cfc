import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { fileWriter, ParquetWriter } from 'hyparquet-writer';
import type { ReadFormat } from './options.js';

/** Rows that are in memory at once, and in a row group. */
const SLICE = 100_000;

/** A row: 3 columns of which 2 make the item, some 120 bytes. */
function promptOf(row: number): string {
  return `Summarise review ${row}, "as told", in one sentence: it arrived on time, worked as described, and was kind.`;
}

/** Writes a file of so many rows. */
export async function writeRows(file: string, format: ReadFormat, rows: number): Promise<void> {
  if (format === 'parquet') return writeParquet(file, rows);
  const text = Readable.from(piecesOf(format, rows), { objectMode: false });
  if (format === 'csv.gz') await pipeline(text, createGzip({ level: 1 }), createWriteStream(file));
  else await pipeline(text, createWriteStream(file));
}

function* piecesOf(format: ReadFormat, rows: number): Generator<string> {
  const isArray = format === 'json';
  if (isArray) yield '[\n';
  if (format.startsWith('csv')) yield 'id,lang,prompt\n';
  for (let first = 0; first < rows; first += SLICE) {
    let text = '';
    for (let row = first; row < Math.min(rows, first + SLICE); row++) {
      const prompt = promptOf(row);
      if (format.startsWith('csv')) text += `${row},en,"${prompt.replaceAll('"', '""')}"\n`;
      else text += `${JSON.stringify({ id: row, prompt })}${isArray && row < rows - 1 ? ',' : ''}\n`;
    }
    yield text;
  }
  if (isArray) yield ']\n';
}

function writeParquet(file: string, rows: number): void {
  const writer = new ParquetWriter({
    writer: fileWriter(file),
    schema: [
      { name: 'root', num_children: 3 },
      { name: 'id', type: 'INT64', repetition_type: 'REQUIRED' },
      { name: 'lang', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'REQUIRED' },
      { name: 'prompt', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'REQUIRED' },
    ],
  });
  for (let first = 0; first < rows; first += SLICE) {
    const numbers = Array.from({ length: Math.min(SLICE, rows - first) }, (_, at) => first + at);
    const columnData = [
      { name: 'id', data: numbers.map(BigInt) },
      { name: 'lang', data: numbers.map(() => 'en') },
      { name: 'prompt', data: numbers.map(promptOf) },
    ];
    void writer.write({ columnData, rowGroupSize: SLICE });
  }
  void writer.finish();
}
