import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changedError, DriaError, describeError, isDriaError, oneLine } from '../../src/dria/errors.js';

describe('an error as a user sees it', () => {
  it.each<[unknown, string]>([
    [
      new DriaError({ code: 'NoNodesAvailable', status: 503, message: 'no nodes available' }),
      '503: no nodes available',
    ],
    [new DriaError({ code: 'NodeTimeout', message: 'no answer within 120 s' }), 'timeout: no answer within 120 s'],
    [new DriaError({ code: 'NodeTimeout', status: 504, message: 'slow' }), '504: slow'],
    [new DriaError({ code: 'BadResponse', status: 200, message: 'nothing' }), 'bad response: nothing'],
    [new DriaError({ code: 'InvalidOutput', message: 'no JSON' }), 'invalid output: no JSON'],
    [new DriaError({ code: 'InvalidAttachment', message: 'gone' }), 'attachment: gone'],
    [new Error('two\nlines'), 'error: two lines'],
    ['a string', 'error: a string'],
  ])('%o', (error, text) => {
    expect(describeError(error)).toBe(text);
  });
});

describe('isDriaError', () => {
  it('knows an error of another copy of the package, and no other', () => {
    const foreign = Object.assign(new Error('x'), { [Symbol.for('dria-temporal.DriaError')]: true });
    expect(isDriaError(foreign)).toBe(true);
    expect(isDriaError(new DriaError({ code: 'ServerError', message: '' }))).toBe(true);
    for (const other of [new Error('x'), null, undefined, 'DriaError', { name: 'DriaError' }]) {
      expect(isDriaError(other)).toBe(false);
    }
  });
});

describe('text from outside', () => {
  it('becomes one line without control characters', () => {
    expect(oneLine('  a\r\n\tb\u001b[31mred\u0000\u202e ')).toBe('a b [31mred');
  });

  it('is clipped to 300 characters, whole ones', () => {
    expect([...oneLine('😀'.repeat(400))]).toHaveLength(300);
    expect(oneLine('x'.repeat(300))).toBe('x'.repeat(300));
  });

  it('never holds the key, however it stands in it', () => {
    const key = 'dkn_live_a/b"c';
    const echoed = `${key} ${JSON.stringify({ key })} ?key=${encodeURIComponent(key)}`;
    const text = oneLine(echoed, [key]);
    expect(text).not.toContain('dkn_live');
    expect(text.match(/\*\*\*/g)).toHaveLength(3);
  });

  it('never holds a part of a key that clipping could leave', () => {
    const key = 'k3y-'.repeat(10);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 7000 }), (before) => {
        expect(oneLine('x'.repeat(before) + key, [key])).not.toContain('k3y-');
      }),
    );
  });
});

describe('a dummy key', () => {
  it.each([
    ['x', 'context exceeded: max 5', 'context exceeded: max 5'],
    ['x', 'bad header: Bearer x', 'bad header: Bearer ***'],
    ['none', '{"api_key":"none","nonessential":1}', '{"api_key":"***","nonessential":1}'],
    ['lm-studio', 'lm-studio is not loaded', 'lm-studio is not loaded'],
  ])('%j is hidden only as a credential: %s', (key, text, shown) => {
    expect(oneLine(text, [key])).toBe(shown);
  });
});

describe('the fault of an error', () => {
  it('is that of its code, unless it is given another', () => {
    expect(new DriaError({ code: 'ServerError', message: '' }).fault).toBe('attempt');
    expect(new DriaError({ code: 'InvalidOutput', fault: 'item', message: '' }).fault).toBe('item');
  });

  it('and its other facts stay when some are changed', () => {
    const error = new DriaError({ code: 'RateLimited', status: 429, message: 'slow', retryAfterMs: 5, tokens: 3 });
    const changed = changedError(error, { fault: 'attempt', unsent: true, tokens: undefined });
    expect({ ...changed }).toEqual({ ...error, fault: 'attempt', unsent: true, tokens: undefined, name: 'DriaError' });
    expect('tokens' in changed).toBe(false);
  });
});
