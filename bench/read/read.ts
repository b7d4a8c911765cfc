import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { markdownTable, megabytes } from '../markdown-table.js';
import { machine, progress } from '../say.js';
import { parseReadOptions, type ReadFormat } from './options.js';
import { writeRows } from './write-rows.js';

const figuresSchema = z.object({
  rows: z.number(),
  /** Size of the JSONL that is staged. */
  bytes: z.number(),
  seconds: z.number(),
  cpuSeconds: z.number(),
  /** Greatest resident memory of the process. */
  peakBytes: z.number(),
});

/** What the reading of one file cost. */
interface ReadFigures extends z.output<typeof figuresSchema> {
  readonly format: ReadFormat;
  readonly fileBytes: number;
}

const COLUMNS: readonly (readonly [title: string, cell: (figures: ReadFigures) => string])[] = [
  ['format', ({ format }) => format],
  ['rows', ({ rows }) => rows.toLocaleString('en')],
  ['file MB', ({ fileBytes }) => megabytes(fileBytes)],
  ['s', ({ seconds }) => seconds.toFixed(1)],
  ['rows/s', ({ rows, seconds }) => Math.round(rows / seconds).toLocaleString('en')],
  ['CPU-s', ({ cpuSeconds }) => cpuSeconds.toFixed(1)],
  ['peak MB', ({ peakBytes }) => megabytes(peakBytes)],
];

/** Reads and checks large files of each format, each in a process of its own, and prints what it cost. */
export async function measureRead(args: readonly string[]): Promise<void> {
  const { rows, formats, json } = parseReadOptions(args);
  const figures: ReadFigures[] = [];
  for (const format of formats) {
    progress(`${rows.toLocaleString('en')} rows of ${format} …`);
    figures.push(await measureFormat(format, rows));
  }
  if (json) return console.log(JSON.stringify({ machine: machine(), rows, figures }, undefined, 2));
  const titles = COLUMNS.map(([title]) => title);
  console.log(
    `\n${markdownTable(
      titles,
      figures.map((row) => COLUMNS.map(([, cell]) => cell(row))),
    )}`,
  );
  console.log(`\n${machine()}`);
}

async function measureFormat(format: ReadFormat, rows: number): Promise<ReadFigures> {
  const folder = mkdtempSync(join(tmpdir(), 'dria-read-'));
  try {
    const file = join(folder, `prompts.${format}`);
    await writeRows(file, format, rows);
    const program = fileURLToPath(new URL('./read-process.js', import.meta.url));
    const output = execFileSync(process.execPath, [program, file, join(folder, 'data')], { encoding: 'utf8' });
    const figures = figuresSchema.parse(JSON.parse(output));
    if (figures.rows !== rows) throw new Error(`${figures.rows} items of ${rows} rows of ${format}`);
    return { ...figures, format, fileBytes: statSync(file).size };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
