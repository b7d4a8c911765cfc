import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findFiles } from '../../src/input/find-files.js';
import { formatOf } from '../../src/input/format-of.js';
import { localFile } from '../../src/input/input-file.js';
import { detectFiles } from '../../src/input/open-input.js';
import { converted, fileOf, pipeOf, recordsOf, refusalOf, scanned } from './input-world.js';

describe('the format of a file', () => {
  it.each<[string, string, string]>([
    ['{"prompt":"a"}\n', '.csv', 'jsonl'],
    ['{ "prompt":"a"}\n', '', 'jsonl'],
    ['\ufeff{"prompt":"a"}\n', '.txt', 'jsonl'],
    ['[{"prompt":"a"}]', '.jsonl', 'json'],
    [' \n [\n', '.jsonl', 'json'],
    ['["a"]', '.json', 'json'],
    ['["a"]', '.jsonl', 'jsonl'],
    ['[a],prompt\n', '.csv', 'csv'],
    ['{a},prompt\n', '.csv', 'csv'],
    ['prompt,id\n', '', 'csv'],
    ['"prompt";id\n', '.txt', 'csv'],
    ['id\tprompt\n', '.txt', 'tsv'],
    ['prompt\n', '', 'csv'],
    ['id\tprompt\n', '.csv', 'csv'],
    ['text,id\n', '', 'jsonl'],
    ['text,id\n', '.tsv', 'tsv'],
    ['Why is the sky blue?\n', '.jsonl', 'jsonl'],
    ['prompt,id\n', '.jsonl', 'jsonl'],
    ['PAR1', '.csv', 'parquet'],
    ['', '.csv', 'csv'],
    ['', '', 'jsonl'],
  ])('of %j with the extension %j is %s', (content, extension, format) => {
    expect(formatOf(Buffer.from(content), extension)).toBe(format);
  });

  it.each<[string, string | Buffer, RegExp]>([
    ['a zip', 'PK\x03\x04rest', /zip archive or an Excel file: .*CSV/],
    ['bzip2', 'BZh91AY', /bzip2 -dc/],
    ['xz', Buffer.from('\xfd7zXZ\0', 'latin1'), /xz -dc/],
    ['Arrow', 'ARROW1\0\0', /Parquet/],
    ['Avro', 'Obj\x01rest', /Parquet or JSONL/],
    ['SQLite', 'SQLite format 3\0', /CSV/],
  ])('that is not read is named: %s', async (_, content, message) => {
    for (const format of [undefined, 'csv', 'jsonl'] as const) {
      expect(await refusalOf([fileOf('in', content)], { format })).toMatch(message);
    }
  });

  it('is that of --format, whatever the content looks like', async () => {
    expect(
      await recordsOf(fileOf('in.jsonl', '{"prompt"\n{"a"}\n'), { format: 'csv', header: true }).catch(String),
    ).toMatch(/quote/);
    expect(await refusalOf([fileOf('in.csv', 'prompt\na\n')], { format: 'jsonl' })).toMatch(
      /in\.csv:1: not valid JSON/,
    );
  });
});

describe('JSONL that needs no conversion', () => {
  it('is read as it is', async () => {
    const { plain } = await detectFiles([fileOf('in.jsonl', '{"prompt":"a"}\n')], {}, []);
    expect(plain?.name).toBe('in.jsonl');
  });

  it('comes whole through a pipe, though its first bytes were looked at', async () => {
    const text = '\ufeff{"prompt":"a"}\n{"prompt":"b"}';
    for (const pieceBytes of [1, 5, 1000]) expect(await converted([pipeOf(text, pieceBytes)])).toBe(text);
  });

  it('is the same copied and parsed, but for how its objects are written', async () => {
    const line = fc.oneof(
      fc.record({ prompt: fc.string({ minLength: 1 }) }).map((item) => JSON.stringify(item)),
      fc.constantFrom('', '  ', '{"prompt":1}', 'no JSON', '7', '{"prompt":"a","x":1}'),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(line, { minLength: 1, maxLength: 6 }),
        fc.constantFrom('\n', '\r\n'),
        fc.boolean(),
        async (lines, lineEnd, ends) => {
          const text = lines.join(lineEnd) + (ends ? lineEnd : '');
          const one = fileOf('a/in.jsonl', text);
          const other = fileOf('a/more.jsonl', '{"prompt":"last"}');
          const elsewhere = fileOf('b/more.jsonl', '{"prompt":"last"}');
          const copied = await scanned([one, other], {}, true);
          const parsed = await scanned([one, elsewhere], {}, true);
          expect(parsed.manifest.chunks).toEqual(copied.manifest.chunks);
          expect(parsed.invalid.map(({ item, line: number }) => [item, number])).toEqual(
            copied.invalid.map(({ item, line: number }) => [item, number]),
          );
        },
      ),
    );
  });
});

describe('several files', () => {
  const jsonl = fileOf('a.jsonl', '\ufeff{"prompt":"one"}\n\n{"prompt":"two"}');
  const csv = fileOf('b.csv', 'prompt,id\nthree,\nfour,x\n');

  it('are one input in their order', async () => {
    expect(await converted([jsonl, csv])).toBe(
      '{"prompt":"one"}\n\n{"prompt":"two"}\n{"prompt":"three"}\n{"prompt":"four","id":"x"}\n',
    );
  });

  it('number items without ids over all of them, so that no two are the same', async () => {
    expect((await scanned([jsonl, csv, fileOf('c.jsonl', '{"prompt":"five"}')])).manifest.items).toBe(5);
  });

  it('must have ids that are unique over all', async () => {
    expect(await refusalOf([csv, fileOf('c.jsonl', '{"prompt":"five"}\n{"prompt":"six","id":"x"}')])).toMatch(
      /^c\.jsonl:2: id: "x" is a duplicate of b\.csv, row 2$/m,
    );
  });

  it('get ids by a template', async () => {
    expect(await converted([jsonl, csv], { idFrom: '{{file}}:{{ row }}' })).toBe(
      '{"prompt":"one","id":"a.jsonl:1"}\n\n{"prompt":"two","id":"a.jsonl:3"}\n' +
        '{"prompt":"three","id":"b.csv:1"}\n{"prompt":"four","id":"b.csv:2"}\n',
    );
  });

  it('have problems at their own places', async () => {
    const bad = [
      fileOf('a.csv', 'prompt\nfine\n'),
      fileOf('b.csv', 'prompt\nfine\n \n'),
      fileOf('c.jsonl', '{"prompt":"fine"}\n{"promt":"a"}\n'),
      fileOf('d.json', '[{"prompt":"fine"},{"prompt":7}]'),
    ];
    expect((await refusalOf(bad)).split('\n').slice(0, 3)).toEqual([
      'b.csv, row 2, column "prompt": must not be empty',
      'c.jsonl:2: unknown field "promt": did you mean "prompt"?',
      'd.json, row 2, column "prompt": must be text, not a number',
    ]);
  });

  it('may be without rows but for one', async () => {
    expect((await scanned([fileOf('a.csv', 'prompt\n'), fileOf('b.csv', 'prompt\nx\n')])).manifest.items).toBe(1);
    expect(await refusalOf([fileOf('a.csv', 'prompt\n'), fileOf('b.csv', 'prompt\n')])).toMatch(
      /no rows that become items/,
    );
  });
});

describe('attachments of files in several folders', () => {
  let root: string;
  beforeAll(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'dria-several-'));
    for (const folder of ['a', 'b']) {
      await mkdir(path.join(root, folder));
      await writeFile(
        path.join(root, folder, 'dot.png'),
        Buffer.from(
          'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
          'base64',
        ),
      );
    }
    await symlink(path.join(root, 'b/dot.png'), path.join(root, 'a/link.png'));
  });
  afterAll(() => rm(root, { recursive: true }));

  async function inputs(attachment: string) {
    await writeFile(path.join(root, 'a/in.csv'), `prompt,attachment\nx,${attachment}\n`);
    await writeFile(path.join(root, 'b/in.jsonl'), '{"prompt":"y","attachment":"dot.png"}\n{"prompt":"z"}\n');
    return await Promise.all(['a/in.csv', 'b/in.jsonl'].map((name) => localFile(path.join(root, name))));
  }

  it('are found beside their own file', async () => {
    expect((await scanned(await inputs('dot.png'))).manifest.modalities).toEqual({ text: 1, vision: 2, audio: 0 });
  });

  it('may be URLs', async () => {
    expect(await converted(await inputs('https://example.org/a.png'))).toContain(
      '"attachment":"https://example.org/a.png"',
    );
  });

  it.each(['../b/dot.png', '../in.png', '/etc/passwd'])(
    'are refused in the folder of another file: %s',
    async (attachment) => {
      expect(await refusalOf(await inputs(attachment))).toMatch(
        /a\/in\.csv, row 1, column "attachment": ".*" is outside the folder of its input file/,
      );
    },
  );
});

describe('a pattern', () => {
  let root: string;
  beforeAll(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'dria-pattern-'));
    await mkdir(path.join(root, 'sub/deep'), { recursive: true });
    for (const name of [
      'b.jsonl',
      'a.jsonl',
      'c.csv',
      '[x].jsonl',
      'sub/d.jsonl',
      'sub/deep/e.jsonl',
      '.hidden.jsonl',
    ]) {
      await writeFile(path.join(root, name), '{"prompt":"x"}\n');
    }
  });
  afterAll(() => rm(root, { recursive: true }));

  it.each<[string, string[]]>([
    ['*.jsonl', ['[x].jsonl', 'a.jsonl', 'b.jsonl']],
    ['{c,a}.*', ['a.jsonl', 'c.csv']],
    ['**/*.jsonl', ['[x].jsonl', 'a.jsonl', 'b.jsonl', 'sub/d.jsonl', 'sub/deep/e.jsonl']],
    ['[ab].jsonl', ['a.jsonl', 'b.jsonl']],
    ['[x].jsonl', ['[x].jsonl']],
    ['missing.jsonl', ['missing.jsonl']],
  ])('%s stands for %j, always in the same order', async (pattern, names) => {
    expect(await findFiles(path.join(root, pattern))).toEqual(names.map((name) => path.join(root, name)));
  });

  it('that matches nothing is refused', async () => {
    await expect(findFiles(path.join(root, '*.parquet'))).rejects.toThrow(/\*\.parquet: no file matches it/);
  });
});
