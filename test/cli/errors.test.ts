import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { describeFailure, UserError } from '../../src/cli/errors.js';
import { systemCode } from '../../src/system-error.js';

/** What a promise fails with. */
async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('it did not fail');
}

function refusedConnection(): Promise<unknown> {
  return new Promise((resolve) => connect({ host: 'localhost', port: 1 }).once('error', resolve));
}

describe('a failure at the terminal', () => {
  test('is a message with the way out below it', () => {
    const error = new UserError('there is no run x', { exitCode: 2, hint: 'See `dria-temporal runs`.' });
    expect(describeFailure(error, false)).toBe('there is no run x\nSee `dria-temporal runs`.');
    expect(error.exitCode).toBe(2);
  });

  test('says why when the system is the cause', async () => {
    const cause = await failureOf(readFile('/nowhere/at/all'));
    const error = new UserError('the results could not be written to out.jsonl', { exitCode: 1, hint: 'Do x.', cause });
    expect(describeFailure(error, false)).toBe(
      'the results could not be written to out.jsonl: no such file or folder\nDo x.',
    );
    const wrapped = new UserError('not read', { exitCode: 1, cause: new Error('inner', { cause }) });
    expect(describeFailure(wrapped, false)).toBe('not read: no such file or folder');
  });

  test('does not say twice what the message says', async () => {
    const cause = await failureOf(readFile('/nowhere'));
    const error = new UserError('x: no such file or folder', { exitCode: 1, cause });
    expect(describeFailure(error, false)).toBe('x: no such file or folder');
  });

  test('of the system is told in words, with the path', async () => {
    expect(describeFailure(await failureOf(readFile('/nowhere')), false)).toBe('/nowhere: no such file or folder');
    expect(describeFailure(await refusedConnection(), false)).toMatch(/^(127\.0\.0\.1|\[::1\]):1: connection refused$/);
  });

  test('of a request names what lies below it', async () => {
    const error = await failureOf(fetch('http://127.0.0.1:1/'));
    expect(describeFailure(error, false)).toMatch(/^fetch failed: /);
  });

  test('tells its causes, each once', () => {
    const cause = new Error('the server said no', { cause: new Error('no') });
    expect(describeFailure(new Error('cannot start', { cause }), false)).toBe('cannot start: the server said no');
  });

  test('whose causes form a ring is told all the same', () => {
    const outer = new Error('outer');
    outer.cause = new Error('inner', { cause: outer });
    expect(describeFailure(outer, false)).toBe('outer: inner');
    expect(describeFailure(outer, true)).toMatch(/outer[\s\S]*Caused by: Error: inner/);
  });

  test('is never without words', () => {
    expect(describeFailure(new TypeError(''), false)).toBe('TypeError');
    expect(describeFailure('only text', false)).toBe('only text');
  });

  test('has its stack only for --debug', () => {
    const error = new UserError('wrong', { exitCode: 2, cause: new Error('below') });
    expect(describeFailure(error, false)).not.toContain('at ');
    expect(describeFailure(error, true)).toMatch(/UserError: wrong\n +at [\s\S]*Caused by: Error: below\n +at /);
  });

  test('cannot steer the terminal', () => {
    expect(describeFailure(new Error('a\u001b[2Jb\u0000\r\nc'), false)).toBe('ab\nc');
  });
});

test('the code of a system error is found, and nothing else taken for one', async () => {
  expect(systemCode(await failureOf(readFile('/nowhere')))).toBe('ENOENT');
  expect(systemCode(Object.assign(new Error('x'), { code: 7 }))).toBeUndefined();
  // In another realm, as in Jest, an error is no `Error` of this one.
  expect(systemCode({ code: 'ENOENT' })).toBe('ENOENT');
  expect(systemCode('ENOENT')).toBeUndefined();
});
