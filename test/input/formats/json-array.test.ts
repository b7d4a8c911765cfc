import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fileOf, pipeOf, recordsOf, refusalOf, scanned } from '../input-world.js';

describe('a JSON array', () => {
  it('gives back every object, however it is laid out and its bytes come in pieces', async () => {
    const item = fc.record({ prompt: fc.string({ unit: 'binary' }), id: fc.string({ unit: 'grapheme' }) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(item, { minLength: 1, maxLength: 5 }),
        fc.constantFrom(undefined, 2, '\t'),
        fc.integer({ min: 1, max: 30 }),
        async (items, indent, pieceBytes) => {
          const text = JSON.stringify(items, undefined, indent);
          // Half a surrogate is no UTF-8.
          const written = JSON.parse(Buffer.from(text).toString('utf8'));
          expect(await recordsOf(fileOf('in.json', text, pieceBytes))).toEqual(written);
        },
      ),
    );
  });

  it.each([
    ['by its content, whatever its name', fileOf('in.txt', '[{"prompt":"a"}]')],
    ['through a pipe', pipeOf('\ufeff [\n {"prompt":"a"}\n]\n')],
  ])('is known %s', async (_, file) => {
    expect(await recordsOf(file)).toEqual([{ prompt: 'a' }]);
  });

  it.each<[string, string, RegExp]>([
    ['that is cut in an object', '[{"prompt":"a"},{"prom', /^in\.json is cut off in row 2/],
    ['that is cut after an object', '[{"prompt":"a"}', /^in\.json is cut off in row 1/],
    [
      'with something behind it',
      '[{"prompt":"a"}] [{"prompt":"b"}]',
      /^in\.json has something behind its array.*row 1/,
    ],
    ['with a comma too many', '[{"prompt":"a"},]', /^in\.json, row 2: nothing between two commas/],
    ['with two commas', '[{"prompt":"a"},,{"prompt":"b"}]', /^in\.json, row 2: nothing between two commas/],
    ['without a comma', '[{"prompt":"a"} {"prompt":"b"}]', /^in\.json, row 1: not valid JSON/],
    ['of texts', '["a"]', /^in\.json, row 1: must be an object like .*, not text/],
    ['with a misspelt field', '[{"promt":"a"}]', /^in\.json, row 1: unknown field "promt": did you mean "prompt"\?/],
    ['with nothing in it', '[ ]', /^in\.json has no rows$/],
    ['with a large number as id', '[{"prompt":"a","id":12345678901234567890}]', /not kept exactly/],
  ])('%s is refused with its row', async (_, text, message) => {
    expect(await refusalOf([fileOf('in.json', text, 5)])).toMatch(message);
  });

  it('keeps an id that is a number', async () => {
    const { manifest } = await scanned([fileOf('in.json', '[{"prompt":"a","id":1},{"prompt":"b","id":2}]')]);
    expect(manifest.items).toBe(2);
  });
});
