import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { shellWord } from '../../src/batch/shell-word.js';

test.each(['prompts-8174f1a9c4eb', 'вопросы-1', 'a b', "it's", '$HOME', '-x', 'a;b', '', '*'])(
  '%j is one word of a shell',
  (text) => {
    const printed = execFileSync('/bin/sh', ['-c', `printf %s ${shellWord(text)}`], { encoding: 'utf8' });
    expect(printed).toBe(text);
  },
);

test('a plain id is not quoted', () => {
  expect(shellWord('prompts-8174f1a9c4eb')).toBe('prompts-8174f1a9c4eb');
});
