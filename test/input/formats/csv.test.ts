import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OFFSET_BYTES } from '../../../src/input/offsets.js';
import { fileOf, pipeOf, recordsOf, refusalOf, scanned } from '../input-world.js';

/** Text with all that a CSV has to quote, and characters of several bytes. */
const cell = fc
  .array(fc.constantFrom('a', '"', ',', ';', '\t', '\n', '\r\n', '\r', 'é', '語', '🙂', ' ', '\\', '{', '0'), {
    maxLength: 8,
  })
  .map((parts) => parts.join(''));

function csvOf(rows: readonly (readonly string[])[], delimiter: string, lineEnd: string): string {
  const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
  const plain = (text: string) =>
    text === '' || /["\r\n,;\t|]/.test(text) || text.trim() !== text ? quoted(text) : text;
  return rows.map((row) => row.map(plain).join(delimiter) + lineEnd).join('');
}

describe('a CSV', () => {
  it('gives back every text that was written to it, however its bytes come in pieces', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 6 }),
        fc.constantFrom(',', ';', '\t', '|'),
        fc.constantFrom('\n', '\r\n'),
        fc.integer({ min: 1, max: 40 }),
        async (rows, delimiter, lineEnd, pieceBytes) => {
          const text = csvOf([['prompt', 'id'], ...rows], delimiter, lineEnd);
          const records = await recordsOf(fileOf('in.csv', text, pieceBytes), { delimiter });
          expect(records).toEqual(rows.map(([prompt, id]) => ({ prompt, ...(id === '' ? {} : { id }) })));
        },
      ),
    );
  });

  it.each([
    ['a byte-order mark', '\ufeffprompt,id\nWhy?,1\n'],
    ['no line end at its end', 'prompt,id\nWhy?,1'],
    ['empty lines', 'prompt,id\n\nWhy?,1\n\n'],
    ['other columns', 'lang,id,prompt\nen,1,Why?\n'],
  ])('may have %s', async (_, text) => {
    expect(await recordsOf(fileOf('in.csv', text))).toEqual([{ prompt: 'Why?', id: '1' }]);
  });

  it('is TSV by its extension, by its content and by --format', async () => {
    const text = 'prompt\tid\nWhy, oh why?\t7\n';
    const record = { prompt: 'Why, oh why?', id: '7' };
    expect(await recordsOf(fileOf('in.tsv', text))).toEqual([record]);
    expect(await recordsOf(pipeOf(text))).toEqual([record]);
    expect(await recordsOf(fileOf('in.txt', text), { format: 'tsv' })).toEqual([record]);
  });

  it('has columns 1, 2, 3 without a header', async () => {
    expect(await refusalOf([fileOf('in.csv', 'Why?,x\nHow?,y\n')], { header: false })).toBe(
      `in.csv: no column "prompt"; give the prompt as a template of columns, as --prompt 'Classify: {{text}}'; there are "1", "2"`,
    );
  });

  it('may have 10,000 columns', async () => {
    const names = Array.from({ length: 9_999 }, (_, at) => `c${at}`);
    const values = names.map((_, at) => String(at));
    const text = `${names.join(',')},prompt\n${values.join(',')},Why?\n`;
    expect(await recordsOf(fileOf('wide.csv', text))).toEqual([{ prompt: 'Why?' }]);
  });

  it('numbers items by their rows', async () => {
    const { manifest, offsets } = await scanned([fileOf('in.csv', 'prompt\na\n"b\nc"\n\nd\n')]);
    expect(manifest.items).toBe(3);
    expect(offsets.read(0, 1000)).toHaveLength(3 * OFFSET_BYTES);
  });
});

describe('a wrong CSV is refused with its place and the way out:', () => {
  it.each<[string, string, RegExp]>([
    [
      'rows of another length',
      'prompt,id\na,1\nb\nc,3,4\n',
      /^in\.csv, row 2: line 3 has 1 cell, and there are 2 columns: .*quotes/,
    ],
    [
      'an unclosed quote',
      'prompt,id\na,1\n"b,2\nc,3\n',
      /^in\.csv: a quoted cell is not closed; it begins after 2 records/,
    ],
    ['text behind a closing quote', 'prompt,id\n"a"b,1\n', /^in\.csv, line 2: .*behind the quote.*write ""/],
    ['a quote in a cell without any', 'prompt,id\na "b",1\n', /^in\.csv, line 2: .*quote in a cell.*write ""/],
    ['semicolons', 'prompt;id\na;1\n', /^in\.csv, line 1: one column, with semicolons in it: .*--delimiter ';'/],
    ['tabs', 'prompt\tid\na\t1\n', /--delimiter tab/],
    ['two columns of one name', 'prompt,id,prompt\na,1,b\n', /line 1: columns 1 and 3 have the same name.*--no-header/],
    ['a column without a name', 'prompt,,id\na,1,b\n', /line 1: column 2 has no name.*--no-header/],
    ['a header alone', 'prompt,id\n', /^in\.csv has a header and no rows$/],
    ['no bytes', '', /^in\.csv is empty/],
    ['no prompt column', 'text,id\na,1\n', /^in\.csv: no column "prompt"; .*; there are "text", "id"$/],
    ['an empty prompt', 'prompt,id\na,1\n ,2\n', /^in\.csv, row 2, column "prompt": must not be empty$/m],
    [
      'ids that are not unique',
      'prompt,id\na,1\nb,2\nc,1\n',
      /^in\.csv, row 3, column "id": "1" is a duplicate of in\.csv, row 1$/m,
    ],
    [
      'an attachment that is not there',
      'prompt,attachment\na,x.png\n',
      /^in\.csv, row 1, column "attachment": "x\.png" does not exist$/m,
    ],
  ])('%s', async (_, text, message) => {
    expect(await refusalOf([fileOf('in.csv', text)])).toMatch(message);
  });

  it('bytes that are not UTF-8, with their line', async () => {
    const text = Buffer.from('prompt,id\nfine,1\ncaf\xe9,2\n', 'latin1');
    for (const pieceBytes of [1, 7, 1000]) {
      expect(await refusalOf([fileOf('in.csv', text, pieceBytes)])).toMatch(/^in\.csv, line 3: not valid UTF-8.*iconv/);
    }
  });

  it('UTF-16, with and without a byte-order mark', async () => {
    const text = 'prompt,id\na question of some length,1\n';
    const little = Buffer.from(text, 'utf16le');
    const big = Buffer.from(little).swap16();
    for (const bytes of [
      little,
      big,
      Buffer.from(`\ufeff${text}`, 'utf16le'),
      Buffer.from(`\ufeff${text}`, 'utf16le').swap16(),
    ]) {
      expect(await refusalOf([fileOf('in.csv', bytes)])).toBe('in.csv is UTF-16: save it as UTF-8');
    }
  });

  it('rows of another length become error lines with --skip-invalid', async () => {
    const { invalid, manifest } = await scanned([fileOf('in.csv', 'prompt,id\na,1\nb\nc,3\n')], {}, true);
    expect(manifest).toMatchObject({ items: 3, invalid: 1 });
    expect(invalid).toMatchObject([
      { item: 1, line: 2, id: 2, error: expect.stringMatching(/^invalid: line 3 has 1 cell/) },
    ]);
  });
});
