import { describe, expect, test } from 'vitest';
import { wantedAt } from '../../../src/cli/completion/wanted.js';
import { program } from '../../support/program.js';

/** What can stand at the end of a line, as words, or the kind of it. */
function at(...line: string[]): string[] | string {
  const wanted = wantedAt(program, line.slice(0, -1), line.at(-1) ?? '');
  return wanted.kind === 'words' ? wanted.candidates.map(({ value }) => value) : wanted.kind;
}

describe('at the end of a line can stand', () => {
  test('a command, and none that is hidden', () => {
    expect(at('')).toEqual(expect.arrayContaining(['batch', 'attach', 'runs', 'completion']));
    expect(at('')).not.toContain('__complete');
    expect(at('ru')).toEqual(['runs']);
    expect(at('--')).toContain('--debug');
    expect(at('nonsense')).toEqual([]);
  });

  test('a flag of the command, with what it says', () => {
    expect(at('batch', '--temp')).toEqual(['--temperature']);
    expect(at('batch', 'prompts.jsonl', '--schema')).toEqual(['--schema', '--schema-file']);
    expect(at('pause', '--temp')).toEqual([]);
    expect(at('pause', '--deb')).toEqual(['--debug']);
    expect(wantedAt(program, ['runs'], '--since')).toMatchObject({
      candidates: [{ value: '--since', description: expect.stringContaining('2h') }],
    });
  });

  test.each([
    [['runs', '--state', ''], expect.arrayContaining(['running', 'no-worker', 'cancelled'])],
    [['runs', '--state', 'pa'], ['paused']],
    [['runs', '--state=pa'], ['--state=paused']],
    [['runs', '--state', 'failed,ca'], ['failed,cancelled']],
    [
      ['batch', '--priority', ''],
      ['1', '2', '3', '4', '5'],
    ],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    [['schedule', 'un'], ['unpause']],
    [
      ['-n', 'x', 'schedule', 'create', '--overlap', 'buffer'],
      ['buffer-one', 'buffer-all'],
    ],
    [['batch', '--model', ''], []],
    [['batch', '--nonsense=x'], []],
  ])('after %j the fixed values %j', (line, expected) => {
    expect(at(...line)).toEqual(expected);
  });

  test.each([
    [['batch', ''], 'files'],
    [['batch', 'a.csv', ''], 'files'],
    [['check', ''], 'files'],
    [['batch', '--output', ''], 'files'],
    [['batch', '-o', 'x'], 'files'],
    [['batch', '--schema-file=x'], 'files'],
    [['batch', '--attachments-root', ''], 'folders'],
    [['runs', '--storage', ''], 'folders'],
    [['-o', 'x', 'batch', ''], 'files'],
    [['batch', '--', '-x'], 'files'],
  ])('after %j %s', (line, expected) => {
    expect(at(...line)).toBe(expected);
  });

  test.each(['attach', 'status', 'results', 'pause', 'resume', 'cancel', 'set', 'retry'])(
    'the id of a run, once: %s',
    (command) => {
      expect(at(command, '')).toBe('runs');
      expect(at(command, '--data-dir', 'x', '')).toBe('runs');
      expect(at(command, 'YourRunId', '')).toEqual([]);
    },
  );

  test('the id of a run of the server that the flags mean', () => {
    const line = ['status', '--data-dir', '/data', '-n', 'mine', '--address=host:7233', '--json'];
    expect(wantedAt(program, line, 'ba')).toEqual({
      kind: 'runs',
      flags: { dataDir: '/data', namespace: 'mine', address: 'host:7233' },
    });
  });
});
