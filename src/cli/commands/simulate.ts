import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { z } from 'zod';
import { LIKENESSES, likenessOf } from '../../simulator/likenesses.js';
import type { ResolvedSimulatorOptions } from '../../simulator/options.js';
import { simulatorOptionsSchema } from '../../simulator/options.js';
import { QUIRKS } from '../../simulator/quirks/catalog.js';
import type { Simulator } from '../../simulator/server.js';
import {
  collect,
  parseFault,
  parseLatency,
  parseLikeness,
  parseModel,
  parseNumber,
  parseSlow,
} from './simulate-flags.js';

/** What a person sees when nothing else is asked for: answers that take about as long as a small model's. */
const DEFAULT_LATENCY = { kind: 'uniform', minMs: 300, maxMs: 1200 };
const USAGE_EXIT_CODE = 2;
const QUIRK_COLUMNS = 24;

const DESCRIPTION = `Run a simulated Dria network on this machine, for trying, testing and measuring.
No model is asked and nothing is spent.`;

const QUIRKS_TITLE = `
Quirks (name@model is about one model, as in broken-model@qwen3.5:9b=hang; s:
seconds; n|text: one item in n, or those whose prompt includes the text):
`;

const EXAMPLE = `
Example:
  A network in which one answer in a hundred is a 503 and one prompt in ten is
  refused by a moderation, and a batch against it:

    $ dria-temporal simulate --port 8090 --fault 503:0.01 --quirk moderation=10
    $ export DRIA_BASE_URL=http://127.0.0.1:8090/v1 DRIA_API_KEY=any
    $ dria-temporal batch prompts.jsonl -o results.jsonl`;

/** The command `simulate`: the simulated Dria network as a server of its own, until SIGINT or SIGTERM. */
export function simulateCommand(): Command {
  const command = new Command('simulate').summary('Run a simulated Dria network').description(DESCRIPTION);
  addNetworkFlags(command);
  addLimitFlags(command);
  return command
    .option('--no-record', 'Only count the requests, for measuring.')
    .option('--script <file>', 'JSON file of all options, rules included. Flags win.')
    .option('--json', 'Print the address as a line of JSON.')
    .addHelpText('after', () => `${QUIRKS_TITLE}${quirkLines().join('\n')}`)
    .addHelpText('after', EXAMPLE)
    .configureHelp({ helpWidth: 80 })
    .action((_flags: unknown, self: Command) => run(self));
}

function addNetworkFlags(command: Command): void {
  command
    .option('--port <port>', 'Port to listen on. Default: a free one.', parseNumber)
    .option('--host <host>', 'Address to listen on. Default: 127.0.0.1.')
    .option('--seed <seed>', 'What latencies and faults follow from. Default: 1.')
    .option('--latency <ms>', 'Ms: 500, 300-1200 (default) or lognormal:800,0.5.', parseLatency)
    .option('--slow <n:ms>', 'One prompt in n takes this long.', parseSlow)
    .option(
      '--model <id=nodes>',
      'Models instead of the default ones; what one takes behind a comma. Repeatable.',
      collect(parseModel),
    )
    .option('--fault <what:rate>', 'As 503:0.01 or reset:0.001. Repeatable.', collect(parseFault))
    .option('--quirk <name>', 'As moderation=10, of the list below. Repeatable.', collect(String))
    .option(
      '--like <endpoint>',
      `Quirks of a well-known one: ${LIKENESSES.map(({ name }) => name).join(', ')}.`,
      parseLikeness,
    );
}

/** Lists the quirks for the help; a name too long for its column has a line of its own. */
function quirkLines(): string[] {
  const sorted = QUIRKS.toSorted((a, b) => a.name.localeCompare(b.name));
  return sorted.map(({ name, value, oneModel, help }) => {
    const form = `${name}${oneModel === true ? '[@model]' : ''}${value === undefined ? '' : `[=${value}]`}`;
    const indent = ' '.repeat(QUIRK_COLUMNS + 2);
    return form.length < QUIRK_COLUMNS ? `  ${form.padEnd(QUIRK_COLUMNS)}${help}` : `  ${form}\n${indent}${help}`;
  });
}

function addLimitFlags(command: Command): void {
  command
    .option('--key <key>', 'API key to accept. Default: any. Repeatable.', collect(String))
    .option('--anonymous', 'Ask for no API key.')
    .option('--rate-limit <n>', 'Requests a second for each key; over it 429.', parseNumber)
    .option('--credits <n>', 'Answers until 402. Default: no end.', parseNumber)
    .option('--max-in-flight-per-node <n>', 'Requests a node takes at once; over it 503.', parseNumber);
}

async function run(command: Command): Promise<void> {
  const flags: Readonly<Record<string, unknown>> = command.opts();
  // Listened for before the address is printed: whoever reads it may send the signal at once.
  const stop = stopSignal();
  const simulator = await start(command, await readOptions(command, flags));
  const { url, port } = simulator;
  const line =
    flags.json === true ? JSON.stringify({ url, port }) : `Simulated Dria network at ${url} (Ctrl-C stops it)`;
  process.stdout.write(`${line}\n`);
  await stop;
  await simulator.close();
}

async function readOptions(
  command: Command,
  flags: Readonly<Record<string, unknown>>,
): Promise<ResolvedSimulatorOptions> {
  const script = typeof flags.script === 'string' ? await readScript(command, flags.script) : {};
  const parsed = simulatorOptionsSchema.safeParse({ latency: DEFAULT_LATENCY, ...script, ...optionsOf(flags) });
  if (parsed.success) return parsed.data;
  return refuse(command, z.prettifyError(parsed.error));
}

/** The options that were given as flags. Those that were not are left out, so that the script's stay. */
function optionsOf(flags: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { script, json, record, key: keys, model: models, fault: faults, quirk = [], like, rateLimit, ...same } = flags;
  const { quirks: likeOnes = [], anonymous } = typeof like === 'string' ? likenessOf(like) : {};
  const quirks = [...likeOnes, ...(Array.isArray(quirk) ? quirk : [])];
  const renamed = {
    keys,
    models,
    faults,
    quirks: quirks.length === 0 ? undefined : quirks,
    ...(anonymous === undefined ? {} : { anonymous }),
    rateLimit: rateLimit === undefined ? undefined : { perSecond: rateLimit },
    record: record === false ? false : undefined,
  };
  return Object.fromEntries(Object.entries({ ...same, ...renamed }).filter(([, value]) => value !== undefined));
}

async function readScript(command: Command, file: string): Promise<Record<string, unknown>> {
  try {
    return z.record(z.string(), z.unknown()).parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (error) {
    return refuse(command, `cannot read the script ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function start(command: Command, options: ResolvedSimulatorOptions): Promise<Simulator> {
  try {
    // Loaded here: the other commands of the program should not wait for it.
    const { startSimulator } = await import('../../simulator/server.js');
    return await startSimulator(options);
  } catch (error) {
    return refuse(command, `cannot listen: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function refuse(command: Command, message: string): never {
  return command.error(`error: ${message}`, { exitCode: USAGE_EXIT_CODE, code: 'simulate.usage' });
}

function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
  });
}
