import type { Command, Option } from 'commander';
import { UserError } from './errors.js';

/** A command line in this program's own form. */
export interface OwnArgs {
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/** Flags of all commands of `temporal` that change nothing here, and whether a value follows. */
const IGNORED: Readonly<Record<string, boolean>> = {
  '--log-level': true,
  '--log-format': true,
  '--time-format': true,
  '--no-json-shorthand-payloads': false,
  // `temporal` itself ends the command then.
  '--command-timeout': true,
};

/** Flags of all commands of `temporal` that mean something here, and have a value. */
const GLOBAL: readonly string[] = ['--color', '--env', '--env-file'];

/** Formats of `temporal` that are one line of JSON for each object here. */
const JSON_FORMATS: ReadonlySet<string> = new Set(['json', 'jsonl']);

/**
 * Makes a command line of `temporal dria …` one of this program. `temporal` puts the flags that it has itself first, as in
 * `temporal-dria -o x batch …`: they come behind the command's name. Those of all its commands are taken here: `--color`,
 * `--output` for a command that has no file of its own, `--tls=false`. Throws a `UserError` for what cannot be meant.
 */
export function ownArgs(argv: readonly string[], program: Command, env: NodeJS.ProcessEnv): OwnArgs {
  const words = wordsOf(argv, [program, ...program.commands.flatMap((command) => [command, ...command.commands])]);
  const command = commandIn(words, program);
  // A misspelt command is refused by its name, and completion gets the words as they are.
  if (command === undefined) return { args: argv, env };
  const path = command.path;
  const kept = words.filter((word) => !path.includes(word)).flatMap((word) => taken(word, command.command));
  return { args: [...path.flatMap(({ texts }) => texts), ...kept], env: colored(words, env) };
}

/** A flag with its value, or a word that is no flag. */
interface Word {
  readonly texts: readonly string[];
  /** Absent for a word that is no flag. */
  readonly flag?: string;
  readonly value?: string | undefined;
}

/** Reads a command line as flags with their values, and words; all behind `--` are words. */
function wordsOf(argv: readonly string[], commands: readonly Command[]): Word[] {
  const options = new Map<string, Option>();
  for (const option of commands.flatMap((command) => command.options)) {
    for (const name of [option.long, option.short]) if (name !== undefined) options.set(name, option);
  }
  const hasValue = (flag: string) =>
    IGNORED[flag] === true || GLOBAL.includes(flag) || options.get(flag)?.required === true;
  const words: Word[] = [];
  for (let at = 0; at < argv.length; at++) {
    const text = argv[at] ?? '';
    if (text === '--') return [...words, ...argv.slice(at).map((rest) => ({ texts: [rest] }))];
    const next = argv[at + 1];
    const [, flag = text, inline] = /^(--[^=]+)=(.*)$/s.exec(text) ?? [];
    if (!/^-./.test(text)) words.push({ texts: [text] });
    else if (inline !== undefined) words.push({ texts: [text], flag, value: inline });
    else if (hasValue(flag) && next !== undefined) words.push({ texts: [text, argv[++at] ?? ''], flag, value: next });
    else words.push({ texts: [text], flag });
  }
  return words;
}

/** The command that is named, with the words that name it. */
function commandIn(words: readonly Word[], program: Command): { command: Command; path: Word[] } | undefined {
  const operands = words.filter(({ flag }) => flag === undefined);
  const path: Word[] = [];
  let command = program;
  for (const operand of operands) {
    const next = command.commands.find((known) => known.name() === operand.texts[0]);
    if (next === undefined) break;
    command = next;
    path.push(operand);
  }
  // What completion is given is no command line of its own.
  return path.length === 0 || command.name() === '__complete' ? undefined : { command, path };
}

/** A word as the command knows it. */
function taken(word: Word, command: Command): readonly string[] {
  const { flag, value, texts } = word;
  if (flag === undefined) return texts;
  if (flag === '--tls' && value !== undefined) return [isOff(value) ? '--no-tls' : '--tls'];
  if (flag in IGNORED || flag === '--color') return [];
  if (flag === '--env-file' || (flag === '--env' && value !== 'default')) throw otherEnvironment(flag);
  if (flag === '--env') return [];
  if ((flag === '--output' || flag === '-o') && !has(command, '--output')) return formatOf(value, command);
  return texts;
}

function has(command: Command, flag: string): boolean {
  return command.options.some(({ long }) => long === flag);
}

function isOff(value: string): boolean {
  return value === 'false' || value === '0';
}

/** `--output json` of a command that prints facts, and has no file to write. */
function formatOf(format: string | undefined, command: Command): readonly string[] {
  if (format === 'text') return [];
  if (JSON_FORMATS.has(format ?? '')) return has(command, '--json') ? ['--json'] : [];
  throw new UserError(`--output ${format ?? ''}: give text or json`, { exitCode: 2 });
}

function otherEnvironment(flag: string): UserError {
  return new UserError(`${flag}: the environments of \`temporal env\` are not read here`, {
    exitCode: 2,
    hint: 'Put the settings into a profile (`temporal config set --profile …`), and give --profile.',
  });
}

/** The environment with what `--color` asks for. */
function colored(words: readonly Word[], env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const color = words.findLast(({ flag }) => flag === '--color')?.value;
  if (color === undefined || color === 'auto') return env;
  if (color === 'always') return { ...env, FORCE_COLOR: '1' };
  if (color === 'never') return { ...env, FORCE_COLOR: '0' };
  throw new UserError(`--color ${color}: give always, never or auto`, { exitCode: 2 });
}
