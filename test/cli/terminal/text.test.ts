import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { clean, cleanLines, clip, padEnd, padStart, widthOf } from '../../../src/cli/terminal/text.js';

describe('text on a terminal', () => {
  test.each([
    ['qwen', 4],
    ['模型', 4],
    ['ｑ', 2],
    ['é', 1],
    ['e\u0301', 1],
    ['👩‍👩‍👧', 2],
    ['⚠️', 2],
    ['… · ━', 5],
    ['한글', 4],
  ])('%s takes %i columns', (text, width) => {
    expect(widthOf(text)).toBe(width);
  });

  test('a clipped text never takes more columns than it may, and says that it was cut', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 40 }), (text, width) => {
        const clipped = clip(text, width);
        expect(widthOf(clipped)).toBeLessThanOrEqual(width);
        expect(clipped === text || clipped.endsWith('…')).toBe(true);
      }),
    );
  });

  test('a wide character is not cut in halves', () => {
    expect(clip('模型模型', 4)).toBe('模…');
    expect(padEnd('模型模型', 4)).toBe('模… ');
    expect(padStart('模', 4)).toBe('  模');
  });

  test('text from outside cannot steer the terminal', () => {
    expect(clean('\u001b[2J\u001b]0;title\u0007model\r\nname\u0000\u202e!')).toBe('model name !');
    expect(cleanLines('one\r\ntwo\u001b[31m')).toEqual(['one', 'two']);
  });
});
