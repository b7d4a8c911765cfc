import { execFile } from 'node:child_process';
import { mkdtemp, open, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { markdownTable, megabytes } from '../markdown-table.js';
import { machine, progress } from '../say.js';
import { parseFormatsOptions } from './options.js';
import { type Cost, costSchema } from './task.js';

const WRITE = fileURLToPath(new URL('write.js', import.meta.url));

/** Lines that are written at once. */
const AT_ONCE = 10_000;

/** An output, and what it took to write it. */
interface FormatFigures extends Cost {
  readonly output: string;
  readonly bytes: number;
}

/** Writes the results of many items in each format, each in a process of its own, and prints what it took. */
export async function measureFormats(args: readonly string[]): Promise<void> {
  const options = parseFormatsOptions(args);
  const { items, outputs } = options;
  const folder = await mkdtemp(join(tmpdir(), 'bench-formats-'));
  try {
    const input = join(folder, 'lines');
    await writeLines(input, items);
    const figures: FormatFigures[] = [];
    for (const name of outputs) {
      progress(`${name} …`);
      const output = join(folder, `results.${name}`);
      const { stdout } = await promisify(execFile)(process.execPath, [WRITE, JSON.stringify({ input, output })]);
      figures.push({ output: name, bytes: (await stat(output)).size, ...costSchema.parse(JSON.parse(stdout)) });
      await rm(output);
    }
    if (options.json) return console.log(JSON.stringify({ machine: machine(), options, figures }, undefined, 2));
    const rows = figures.map(({ output, seconds, cpuSeconds, peakBytes, bytes }) => [
      output,
      seconds.toFixed(1),
      (items / seconds).toFixed(0),
      ((cpuSeconds / items) * 1000).toFixed(4),
      megabytes(peakBytes),
      megabytes(bytes),
    ]);
    const titles = ['output', 'wall s', 'items/s', 'CPU-s/1,000', 'peak MB', 'file MB'];
    const size = megabytes((await stat(input)).size);
    console.log(
      `\n${items.toLocaleString('en')} output lines, ${size} MB\n\n${markdownTable(titles, rows)}\n\n${machine()}`,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Writes output lines as a run with a schema has them: one in a hundred failed, texts of some hundred characters. */
async function writeLines(path: string, items: number): Promise<void> {
  const file = await open(path, 'wx');
  for (let first = 0; first < items; first += AT_ONCE) {
    const count = Math.min(AT_ONCE, items - first);
    await file.appendFile(Array.from({ length: count }, (_, at) => `${JSON.stringify(lineOf(first + at))}\n`).join(''));
  }
  await file.close();
}

function lineOf(item: number): object {
  const line = { id: item + 1, model: item % 3 === 0 ? 'qwen3.5:9b' : 'lfm2:24b-a2b' };
  if (item % 100 === 99) return { ...line, error: '503: no nodes available' };
  const parsed = { mood: item % 2 === 0 ? 'good' : 'bad, "very"', score: (item % 1000) / 1000 };
  const output = `Answer ${item} ${'with some words that differ a little '.repeat(4)}${(item * 7919) % 100_003}`;
  return { ...line, output, parsed, tokens: 40 + (item % 50) };
}
