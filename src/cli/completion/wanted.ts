import type { Argument, Command, Option } from 'commander';
import { LISTED_STATES } from '../run-filter.js';

/** Something that the word under the cursor may become. */
export interface Candidate {
  /** The whole word. */
  readonly value: string;
  /** Shown beside it where the shell does that. */
  readonly description: string;
}

/** What can stand where the cursor is. */
export type Wanted =
  | { readonly kind: 'words'; readonly candidates: readonly Candidate[] }
  | { readonly kind: 'files' }
  | { readonly kind: 'folders' }
  /** The id of a run, of the server and storage that these flags mean. */
  | { readonly kind: 'runs'; readonly flags: Readonly<Record<string, string>> };

/** Values of options that take one of a few and are no commander choices, by flag. */
const FIXED_VALUES: Readonly<Record<string, readonly string[]>> = {
  '--state': LISTED_STATES,
  '--priority': ['1', '2', '3', '4', '5'],
};

const NOTHING: Wanted = { kind: 'words', candidates: [] };

/**
 * What can stand at the end of a command line. `words` are those before the cursor's, without the program's name;
 * `current` is what there is of the cursor's word, maybe nothing.
 */
export function wantedAt(program: Command, words: readonly string[], current: string): Wanted {
  const line = readLine(program, words);
  const options = [...(line.command?.options ?? []), ...program.options];
  if (line.pending !== undefined) return valueWanted(line.pending, '', current);
  const [, flag, value] = /^(--[^=]+)=(.*)$/s.exec(current) ?? [];
  if (flag !== undefined && value !== undefined) {
    const option = options.find(({ long }) => long === flag);
    return option === undefined ? NOTHING : valueWanted(option, `${flag}=`, value);
  }
  if (current.startsWith('-') && !line.onlyOperands) return matching(options.flatMap(flagOf), current);
  const { command = program } = line;
  if (command.commands.length > 0) return matching(commandsOf(command), current);
  const { registeredArguments: operands } = command;
  const argument = operands[line.operands] ?? operands.findLast(({ variadic }) => variadic);
  return argument === undefined ? NOTHING : operandWanted(argument, line, current);
}

/** A command line as far as completion needs to understand it. */
interface Line {
  readonly command: Command | undefined;
  /** Operands of the command before the cursor. */
  operands: number;
  /** The option whose value comes next. */
  pending: Option | undefined;
  /** After `--`. */
  onlyOperands: boolean;
  /** Values of options, by their name in code. */
  readonly flags: Record<string, string>;
}

function readLine(program: Command, words: readonly string[]): Line {
  // As `temporal` calls us, flags may stand before the command.
  let command: Command | undefined;
  const path = new Set<number>();
  for (const [position, word] of words.entries()) {
    const next = (command ?? program).commands.find((known) => known.name() === word);
    if (next === undefined) continue;
    command = next;
    path.add(position);
  }
  const options = [...(command?.options ?? []), ...program.options];
  const line: Line = { command, operands: 0, pending: undefined, onlyOperands: false, flags: {} };
  for (const [position, word] of words.entries()) if (!path.has(position)) readWord(line, word, options);
  return line;
}

function readWord(line: Line, word: string, options: readonly Option[]): void {
  const { pending } = line;
  line.pending = undefined;
  if (pending !== undefined) line.flags[pending.attributeName()] = word;
  else if (line.onlyOperands || !/^-./.test(word)) line.operands++;
  else if (word === '--') line.onlyOperands = true;
  else {
    const [flag = '', ...value] = word.split('=');
    const option = options.find(({ long, short }) => long === flag || short === flag);
    if (option === undefined || !takesValue(option)) return;
    if (value.length > 0) line.flags[option.attributeName()] = value.join('=');
    else line.pending = option;
  }
}

function takesValue({ required, optional }: Option): boolean {
  return required || optional;
}

function valueWanted(option: Option, prefix: string, value: string): Wanted {
  const fixed = option.argChoices ?? FIXED_VALUES[option.long ?? ''];
  if (fixed !== undefined) {
    // A list of them, as in --state failed,cancelled.
    const before = prefix + value.slice(0, value.lastIndexOf(',') + 1);
    return matching(
      fixed.map((text) => ({ value: before + text, description: '' })),
      prefix + value,
    );
  }
  if (/<(file|path)>/.test(option.flags)) return { kind: 'files' };
  return /<(folder|root)>/.test(option.flags) ? { kind: 'folders' } : NOTHING;
}

function operandWanted(argument: Argument, { flags }: Line, current: string): Wanted {
  if (argument.argChoices !== undefined) {
    return matching(
      argument.argChoices.map((value) => ({ value, description: '' })),
      current,
    );
  }
  if (argument.name() === 'id') return { kind: 'runs', flags };
  return argument.name() === 'file' || argument.name() === 'input' ? { kind: 'files' } : NOTHING;
}

function flagOf({ long, short, hidden, description }: Option): Candidate[] {
  const value = long ?? short;
  return value === undefined || hidden ? [] : [{ value, description }];
}

function commandsOf(program: Command): Candidate[] {
  const visible = program
    .createHelp()
    .visibleCommands(program)
    .filter((command) => command.name() !== 'help' || program.parent === null);
  return visible.map((command) => ({ value: command.name(), description: command.summary() || command.description() }));
}

/** The candidates that begin with what is there. */
function matching(candidates: readonly Candidate[], current: string): Wanted {
  return { kind: 'words', candidates: candidates.filter(({ value }) => value.startsWith(current)) };
}
