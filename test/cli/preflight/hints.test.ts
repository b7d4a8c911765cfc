import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { expect, it } from 'vitest';
import { program } from '../../support/program.js';

// What a person is told to type must be there. No test can run into every error: so the sources are read, and held against
// the definition of the command line.

const SRC = new URL('../../../src', import.meta.url).pathname;

/** Files with options of other programs, and of a browser's page: pip, the Temporal CLI, V8. */
const OTHERS =
  /embedded\/(binary\/(wheel|version)|processes|server-process)\.ts$|cli\/(main|temporal-args|search-attributes)\.ts$|^report\/page\//;

const commands = new Map<string, Command>(program.commands.map((command) => [command.name(), command]));

/** Returns the options of a command and of the commands below it. */
function optionsOf(command: Command): Set<string> {
  const own = command.options.flatMap(({ long, short }) => [long ?? '', short ?? '']);
  const below = command.commands.flatMap((sub) => [...optionsOf(sub)]);
  return new Set([...own, ...below, '--help', '-h', '--debug', '--version']);
}

/** The string literals of all sources, each with its place. */
const literals = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && !OTHERS.test(name))
  .flatMap((name) => literalsOf(readFileSync(join(SRC, name), 'utf8')).map((text) => ({ name, text })));

/** Returns what stands in quotes, comments left out. What `${}` holds stays: a literal in it is part of the hint. */
function literalsOf(source: string): string[] {
  const tokens = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/g;
  return (source.match(tokens) ?? []).filter((token) => !token.startsWith('/'));
}

it('reads literals, and no comments', () => {
  const source = "/* '--a' */ f('--b'); // `--c`\ng(`x \\` --e`, \"--f\");";
  expect(literalsOf(source)).toEqual(["'--b'", '`x \\` --e`', '"--f"']);
  expect(literals.length).toBeGreaterThan(3000);
});

it('every flag that a text names is one of some command', () => {
  const known = [...commands.values()].flatMap((command) => [...optionsOf(command)]);
  // A text may name what several begin with: `--tls-cert-path` and `--tls-cert-data`.
  const isKnown = (flag: string) => known.some((other) => other === flag || other.startsWith(`${flag}-`));
  const unknown = literals.flatMap(({ name, text }) =>
    [...text.matchAll(/(?<![\w-])--[a-z][a-z-]*[a-z]/g)]
      .filter(([flag]) => !isKnown(flag))
      .map(([flag]) => `${name}: ${flag}`),
  );
  expect(unknown).toEqual([]);
});

/** Commands that texts give: the name, what follows as its first argument, and the flags after it. */
const given = literals.flatMap(({ name, text }) =>
  [...text.matchAll(/(?<![\w@/.])dria-temporal ([a-z]+)(.*?)(?=[`,;:)]|\.\s|\.$|then |$|\n)/gs)].map(
    ([, command = '', rest = '']) => ({
      place: `${name}: ${command}${rest}`,
      command,
      rest,
    }),
  ),
);

/** What follows the program's name where it is no command: a verb, its keeper, its other name. */
const PROSE = new Set(['finds', 'uses', 'keeper', 'and', 'temporal']);

it('every command that a text gives is there, with the flags that are given to it', () => {
  const wrong = given.filter(({ command, rest }) => {
    if (PROSE.has(command)) return false;
    const found = commands.get(command);
    const flags = [...rest.matchAll(/(?<![\w-])--?[a-z][a-z-]*/g)].map(([flag]) => flag);
    return found === undefined || flags.some((flag) => !optionsOf(found).has(flag));
  });
  expect(given.length).toBeGreaterThan(25);
  expect(wrong.map(({ place }) => place)).toEqual([]);
});

it('every value in a command that a text gives is quoted for a shell', () => {
  const inserted = literals.flatMap(({ name, text }) =>
    [
      ...text.matchAll(
        /(?:dria-temporal [a-z]+|(?<![\w-])(?:-o|--base-url|--attachments-root|mkdir -p|DRIA_BASE_URL=)) ?\$\{(.*?)\}/g,
      ),
    ]
      .filter(([, value = '']) => !value.includes('shellWord('))
      .map(([hint]) => `${name}: ${hint}`),
  );
  expect(inserted).toEqual([]);
});
