import { describe, expect, test } from 'vitest';
import { UserError } from '../../../src/cli/errors.js';
import { ownArgs } from '../../../src/cli/temporal-args.js';
import { program } from '../../support/program.js';

function args(line: string): string {
  return ownArgs(line.split(' '), program, {}).args.join(' ');
}

describe('ownArgs', () => {
  test.each([
    ['batch a.jsonl -o x', 'batch a.jsonl -o x'],
    // As `temporal dria batch a.jsonl -o x --address h:1` calls: what it has itself comes first.
    ['-o x batch a.jsonl --address h:1', 'batch -o x a.jsonl --address h:1'],
    ['--output=x batch a.jsonl', 'batch --output=x a.jsonl'],
    // A value that is a command's name.
    ['--profile batch -n runs status run-1', 'status --profile batch -n runs run-1'],
    ['--profile worker runs', 'runs --profile worker'],
    ['--tls=false runs', 'runs --no-tls'],
    ['--tls=true runs', 'runs --tls'],
    ['-o json runs', 'runs --json'],
    ['--output jsonl runs', 'runs --json'],
    ['--output text runs', 'runs'],
    ['--output json pause run-1', 'pause run-1'],
    ['--log-level debug --log-format=json --time-format iso --no-json-shorthand-payloads runs', 'runs'],
    ['--command-timeout 5s --color never --env default runs', 'runs'],
    ['runs --color=always', 'runs'],
    // What is behind -- is no flag.
    ['batch -- --color', 'batch -- --color'],
    // What cannot be understood stays as it is, and is refused with its name.
    ['nonsense --output json', 'nonsense --output json'],
    ['--version', '--version'],
    ['__complete -- --color al', '__complete -- --color al'],
    ['-n x schedule create nightly', 'schedule create -n x nightly'],
    ['--output json schedule list', 'schedule list --json'],
  ])('makes of %s: %s', (given, expected) => {
    expect(args(given)).toBe(expected);
  });

  test.each([
    ['--color always', { FORCE_COLOR: '1' }],
    ['--color=never', { FORCE_COLOR: '0' }],
    ['--color auto', {}],
  ])('colours as %s says', (flags, expected) => {
    expect(ownArgs([...flags.split(' '), 'runs'], program, {}).env).toEqual(expected);
  });

  test.each([
    ['--color blue runs', /^--color blue: give always, never or auto$/],
    ['--output yaml runs', /^--output yaml: give text or json$/],
    ['--env staging runs', /^--env: the environments of `temporal env` are not read here$/],
    ['--env-file x runs', /^--env-file: the environments/],
  ])('refuses %s', (given, words) => {
    expect(() => args(given)).toThrow(UserError);
    expect(() => args(given)).toThrow(words);
  });
});
