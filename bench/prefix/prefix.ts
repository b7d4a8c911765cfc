import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { markdownTable } from '../markdown-table.js';
import { MODEL } from '../options.js';
import { SMALL_MODEL, startSmallModel } from '../real/small-model.js';
import { CLI } from '../rows/commands.js';
import { machine, progress } from '../say.js';
import { startSimulatorProcess } from '../simulator.js';
import { type PrefixOptions, parsePrefixOptions } from './options.js';

/** What one run came to. */
interface PrefixFigures {
  readonly lanes: number;
  readonly isGrouped: boolean;
  readonly seconds: number;
  readonly promptTokens: number;
  readonly cachedTokens: number;
  /** Part of the tokens that could come from a cache without an end, and did. */
  readonly share: number;
}

const lineSchema = z.object({ prompt_tokens: z.number(), cached_tokens: z.number().default(0) });

/** Runs the same batch with and without `--group-prefix`, and prints how many tokens came from the endpoint's cache. */
export async function measurePrefix(args: readonly string[]): Promise<void> {
  const options = parsePrefixOptions(args);
  const rows: PrefixFigures[] = [];
  for (const lanes of options.lanes) {
    for (const isGrouped of [false, true]) {
      progress(`${lanes} lanes, ${isGrouped ? 'grouped' : 'in the order of the input'} …`);
      rows.push(await measure(lanes, isGrouped, options));
    }
  }
  if (options.json) return console.log(JSON.stringify({ machine: machine(), options, rows }, undefined, 2));
  const titles = ['lanes', '--group-prefix', 'wall s', 'prompt tokens', 'from the cache', 'of what could be'];
  const lines = rows.map(({ lanes, isGrouped, seconds, promptTokens, cachedTokens, share }) => [
    String(lanes),
    isGrouped ? 'yes' : 'no',
    seconds.toFixed(1),
    promptTokens.toLocaleString('en'),
    cachedTokens.toLocaleString('en'),
    `${(100 * share).toFixed(1)} %`,
  ]);
  const { items, groups, chars } = options;
  console.log(`\n${items} prompts, ${groups} beginnings of ${chars} characters\n`);
  console.log(`${markdownTable(titles, lines)}\n\n${machine()}`);
}

async function measure(lanes: number, isGrouped: boolean, options: PrefixOptions): Promise<PrefixFigures> {
  const { python, slots, latency, holds, chars } = options;
  const folder = mkdtempSync(join(tmpdir(), 'dria-prefix-'));
  const quirks = [`prefix-cache=${holds * Math.ceil(chars / 4 + 32)}`];
  const network =
    python === undefined
      ? await startSimulatorProcess({ latency, record: false, quirks })
      : await startSmallModel(python, { slots, context: 2048 });
  try {
    return await run(folder, network.url, { lanes, isGrouped, options });
  } finally {
    await network.stop();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

interface Row {
  readonly lanes: number;
  readonly isGrouped: boolean;
  readonly options: PrefixOptions;
}

async function run(folder: string, url: string, { lanes, isGrouped, options }: Row): Promise<PrefixFigures> {
  const [input, output] = [join(folder, 'prompts.jsonl'), join(folder, 'results.jsonl')];
  const prompts = promptsOf(options);
  writeFileSync(input, prompts.map((prompt, id) => `${JSON.stringify({ id, prompt })}\n`).join(''));
  const asked = [
    '--model',
    options.python === undefined ? MODEL : SMALL_MODEL,
    '--max-tokens',
    '16',
    '--base-url',
    url,
    '--detail',
  ];
  const args = ['batch', input, '-o', output, '-c', String(lanes), '--data-dir', join(folder, 'data'), ...asked];
  const log = openSync(`${output}.log`, 'w');
  const startedAt = performance.now();
  const child = spawn(process.execPath, [CLI, ...args, ...(isGrouped ? ['--group-prefix'] : [])], {
    env: { ...process.env, DRIA_API_KEY: 'bench' },
    stdio: ['ignore', log, log],
  });
  const [code] = await once(child, 'exit');
  closeSync(log);
  if (code !== 0) throw new Error(`it ended with ${code}:\n${readFileSync(`${output}.log`, 'utf8')}`);
  const seconds = (performance.now() - startedAt) / 1000;
  return { lanes, isGrouped, seconds, ...countTokens(readFileSync(output, 'utf8'), prompts, options) };
}

/** Prompts whose beginnings take turns, as in a file that nobody has sorted. */
function promptsOf({ items, groups, chars }: PrefixOptions): string[] {
  return Array.from(
    { length: items },
    (_, item) => `${beginning(item % groups, chars)}\nQuestion ${item}: is it kind?`,
  );
}

const WORDS = [
  'the',
  'river',
  'runs',
  'under',
  'old',
  'stones',
  'while',
  'nobody',
  'counts',
  'its',
  'years',
  'or',
  'names',
];

/** Text like a document's, another one for each group. */
function beginning(group: number, chars: number): string {
  let text = `Document ${group}:`;
  for (let word = 0; text.length < chars; word++)
    text += ` ${WORDS[(word * (group + 1) + (word >> 3)) % WORDS.length]}`;
  return text.slice(0, chars);
}

function countTokens(
  results: string,
  prompts: readonly string[],
  { groups, chars }: PrefixOptions,
): Pick<PrefixFigures, 'promptTokens' | 'cachedTokens' | 'share'> {
  const lines = results.trim().split('\n');
  if (lines.length !== prompts.length) throw new Error(`${lines.length} lines for ${prompts.length} items`);
  let [promptTokens, cachedTokens, cacheable] = [0, 0, 0];
  lines.forEach((line, item) => {
    const tokens = lineSchema.parse(JSON.parse(line));
    promptTokens += tokens.prompt_tokens;
    cachedTokens += tokens.cached_tokens;
    // The first of each group cannot have found it.
    if (item >= groups) cacheable += tokens.prompt_tokens * (chars / (prompts[item]?.length ?? chars));
  });
  return { promptTokens, cachedTokens, share: cachedTokens / cacheable };
}
