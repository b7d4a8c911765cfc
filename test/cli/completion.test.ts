import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { CliWorld, MAIN } from '../support/cli.js';
import { freePort } from '../support/free-ports.js';

const STORED = ['batch-1', 'batch-2', 'other:3', 'with%20space'];

/** The shells of this machine; those that it has not are skipped, with a word. */
function hasShell(shell: string): boolean {
  const found = spawnSync(shell, ['--version']).status === 0;
  if (!found) process.stderr.write(`${shell} is not here: its completion is not tried\n`);
  return found;
}

let world: CliWorld;
beforeAll(async () => {
  world = await CliWorld.open();
  mkdirSync(world.path('bin'));
  for (const name of ['dria-temporal', 'temporal-dria']) {
    world.file(`bin/${name}`, `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`);
    chmodSync(world.path(`bin/${name}`), 0o755);
  }
  mkdirSync(world.path('here/some folder'), { recursive: true });
  world.file('here/prompts of mine.jsonl', '');
  for (const name of STORED) mkdirSync(world.path(`stored/runs/${name}`), { recursive: true });
});
afterAll(() => world.close());

/** Runs a program of a shell in the folder `here`, with both names of the command on the path. */
async function inShell(shell: string, args: readonly string[]): Promise<string> {
  const env = {
    PATH: `${world.path('bin')}:${world.env.PATH}`,
    DRIA_TEMPORAL_HOME: world.path('stored'),
    TERM: 'xterm',
  };
  const { stdout, stderr } = await world.spawn(shell, args, { env, cwd: world.path('here') }).ended;
  expect(stderr).toBe('');
  return stdout;
}

describe('__complete', () => {
  async function ids(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string[]> {
    const { code, stdout, stderr } = await world.run(['__complete', '--', ...args], { env });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const [kind, ...lines] = stdout.split('\n').slice(0, -1);
    return kind === undefined ? [] : lines;
  }

  test('reads the ids from the data directory when no server is up, and starts none', async () => {
    const env = { DRIA_TEMPORAL_HOME: world.path('stored') };
    expect((await ids(['attach', ''], env)).sort()).toEqual(['batch-1', 'batch-2', 'other:3', 'with space']);
    expect(await ids(['attach', '--data-dir', world.path('stored'), 'oth'])).toEqual(['other:3']);
    expect(existsSync(world.path('stored/server'))).toBe(false);
  });

  test('has no candidates and no words where there is nothing, or nothing to be understood', async () => {
    expect(await ids(['attach', ''])).toEqual([]);
    expect(existsSync(world.dataDir)).toBe(false);
    expect(await ids(['attach', '--profile', 'nobody', ''])).toEqual([]);
    expect(await ids(['attach', '--storage', 's3:nonsense', ''])).toEqual([]);
    expect(await ids([])).not.toEqual([]);
  });

  test('does not wait for a server that does not answer', async () => {
    const silent = createServer(() => undefined);
    const port = await freePort();
    await new Promise<void>((resolve) => silent.listen(port, '127.0.0.1', resolve));
    onTestFinished(() => void silent.close());
    const env = { DRIA_TEMPORAL_HOME: world.path('stored'), TEMPORAL_ADDRESS: `127.0.0.1:${port}` };
    expect(await ids(['status', 'batch-'], env)).toEqual(['batch-1', 'batch-2']);
  });

  test('asks a server that is up, embedded or not, and says how each run stands', async () => {
    const address = await world.keepServer();
    await world.run(['batch', world.prompts('live', 2), '--id', 'live-1']);
    expect(await ids(['results', ''])).toEqual(['live-1\tcompleted, 2 items']);
    const env = { DRIA_TEMPORAL_HOME: world.path('nowhere') };
    expect(await ids(['results', '--address', address, ''], env)).toEqual(['live-1\tcompleted, 2 items']);
  });
});

describe.skipIf(!hasShell('bash'))('bash', () => {
  /** What readline would put in the place of the last part of the line, which is cut into words as readline does. */
  async function completed(line: string, words: readonly string[]): Promise<string[]> {
    const script = `
      source <(dria-temporal completion bash)
      complete -p dria-temporal temporal-dria > /dev/null || exit 1
      compopt() { echo "compopt $*"; }
      COMP_LINE=$1 COMP_POINT=\${#1}; shift
      COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
      _dria_temporal
      printf '%s\n' "\${COMPREPLY[@]}"`;
    const stdout = await inShell('bash', ['--norc', '-c', script, 'bash', line, ...words]);
    return stdout.split('\n').filter((text) => text !== '');
  }

  test.each<[line: string, words: string[], expected: string[]]>([
    ['dria-temporal comp', ['dria-temporal', 'comp'], ['completion']],
    ['temporal-dria attach batch-', ['temporal-dria', 'attach', 'batch-'], ['batch-1', 'batch-2']],
    ['dria-temporal  attach  ', ['dria-temporal', 'attach', ''], ['batch-1', 'batch-2', 'other:3', 'with\\ space']],
    // Only what stands behind the : is put in.
    ['dria-temporal attach other:', ['dria-temporal', 'attach', 'other', ':'], ['3']],
    ['dria-temporal attach other:3', ['dria-temporal', 'attach', 'other', ':', '3'], ['3']],
    ['dria-temporal runs --state=pau', ['dria-temporal', 'runs', '--state', '=', 'pau'], ['paused']],
    [
      'dria-temporal runs --state=failed,pau',
      ['dria-temporal', 'runs', '--state', '=', 'failed,pau'],
      ['failed,paused'],
    ],
    ['dria-temporal batch ', ['dria-temporal', 'batch', ''], ['compopt -o default']],
    ['dria-temporal batch --data-dir ', ['dria-temporal', 'batch', '--data-dir', ''], ['compopt -o dirnames']],
    // Nothing of the line is evaluated.
    ['dria-temporal "$(touch evil)" att', ['dria-temporal', '"$(touch evil)"', 'att'], ['attach']],
  ])('%s', async (line, words, expected) => {
    expect((await completed(line, words)).sort()).toEqual(expected);
    expect(existsSync(world.path('here/evil'))).toBe(false);
  });
});

describe.skipIf(!hasShell('zsh'))('zsh', () => {
  const SETUP = [
    'autoload -U compinit; compinit -D',
    'source <(dria-temporal completion zsh)',
    // What the keys make of the line is printed, not run.
    'show-line() { print -r -- "[[$BUFFER]]"; zle kill-whole-line }',
    "zle -N show-line; bindkey '^X' show-line",
    'print ready',
  ];

  /** The line after the Tab key, on a terminal of zsh's own. */
  async function completed(line: string): Promise<string> {
    mkdirSync(world.path('zsh'), { recursive: true });
    world.file('zsh/.zshrc', `${SETUP.join('\n')}\n`);
    const script = `
      zmodload zsh/zpty
      zpty -b terminal "ZDOTDIR='${world.path('zsh')}' zsh -d -i"
      heard='' piece=''
      hear() { until [[ $heard == *$1* ]]; do zpty -r -t terminal piece && heard+=$piece || sleep 0.05; done }
      hear ready
      zpty -w -n terminal "$1"$'\t\x18'
      hear ']]'
      print -r -- "$heard"
      zpty -d terminal`;
    const stdout = await inShell('zsh', ['-f', '-c', script, 'zsh', line]);
    return /\[\[(.*?)\]\]/s.exec(stdout)?.[1] ?? stdout;
  }

  test.each([
    ['dria-temporal comp', 'dria-temporal completion '],
    ['temporal-dria attach oth', 'temporal-dria attach other:3 '],
    ['dria-temporal attach with', 'dria-temporal attach with\\ space '],
    ['dria-temporal runs --state=pau', 'dria-temporal runs --state=paused '],
    ['dria-temporal batch prom', 'dria-temporal batch prompts\\ of\\ mine.jsonl '],
    ['dria-temporal batch --output=prom', 'dria-temporal batch --output=prompts\\ of\\ mine.jsonl '],
    ['dria-temporal batch --data-dir so', 'dria-temporal batch --data-dir some\\ folder/'],
  ])('%s', async (line, expected) => {
    expect(await completed(line)).toBe(expected);
  });
});

describe.skipIf(!hasShell('fish'))('fish', () => {
  async function completed(line: string): Promise<string[]> {
    const script = 'dria-temporal completion fish | source; complete -C $argv[1]';
    const stdout = await inShell('fish', ['--no-config', '-c', script, line]);
    return stdout.split('\n').filter((text) => text !== '');
  }

  test.each([
    ['dria-temporal comp', ['completion\tPrint a completion script for a shell']],
    ['temporal-dria attach ', ['batch-1', 'batch-2', 'other:3', 'with space']],
    ['dria-temporal runs --state=pau', ['--state=paused']],
    ['dria-temporal batch prom', ['prompts of mine.jsonl']],
    ['dria-temporal batch --output=prom', ['--output=prompts of mine.jsonl']],
    ['dria-temporal batch --data-dir ', ['some folder/']],
    ['dria-temporal models ', []],
  ])('%s', async (line, expected) => {
    expect((await completed(line)).sort()).toEqual(expected);
  });
});
