import { join, resolve } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { movedAttachment } from '../../src/cli/moved-attachments.js';

describe('an attachment in an input at another place', () => {
  test.each([
    ['a.png', '/in', '/in', 'a.png'],
    ['media/a.png', '/in', '/', 'in/media/a.png'],
    ['media/a.png', '/data/in', '/data', 'in/media/a.png'],
    ['../a.png', '/data/in', '/data', 'a.png'],
    ['a.png', '/data/in', '/data/out', '/data/in/a.png'],
    ['a.png', '/data/in', '/data/in/deeper', '/data/in/a.png'],
    ['../a.png', '/data/in', '/data/in', '../a.png'],
    ['/else/a.png', '/data/in', '/data', '/else/a.png'],
    ['https://host/a.png', '/data/in', '/data/out', 'https://host/a.png'],
    ['data:image/png;base64,AAAA', '/data/in', '/data/out', 'data:image/png;base64,AAAA'],
    // A sibling whose name only begins the same is outside.
    ['a.png', '/data/input', '/data/in', '/data/input/a.png'],
  ])('%s of %s is, for %s, %s', (text, from, to, expected) => {
    expect(movedAttachment(text, from, to)).toBe(expected);
  });

  test('names the same file as before, wherever it is', () => {
    const segment = fc.constantFrom('a', 'b', 'in', 'out', '..', '.');
    const path = fc.array(segment, { minLength: 1, maxLength: 4 }).map((segments) => segments.join('/'));
    const folder = path.map((text) => resolve('/', text));
    fc.assert(
      fc.property(path, folder, folder, (text, from, to) => {
        const file = join(text, 'file.png');
        expect(resolve(to, movedAttachment(file, from, to))).toBe(resolve(from, file));
      }),
    );
  });
});
