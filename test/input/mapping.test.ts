import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ReadOptions } from '../../src/batch/read-options.js';
import { convertInput } from '../../src/input/convert.js';
import type { DetectedFile } from '../../src/input/detect.js';
import { InputError } from '../../src/input/errors.js';
import { rowMapping } from '../../src/input/mapping.js';
import type { MappedRow } from '../../src/input/rows.js';
import { scanInput } from '../../src/input/scan.js';
import { collect, inPieces, rulesFor } from './helpers.js';

/** What becomes of the rows of a table. */
function table(options: ReadOptions, columns: readonly string[], ...rows: (readonly unknown[])[]): MappedRow[] {
  const mapping = rowMapping(options);
  mapping.checkColumns('t.csv', columns);
  const all = rows.map((values, at) => ({ columns, values, number: at + 1, file: 't.csv' }));
  if (mapping.offer !== undefined) all.forEach(mapping.offer);
  const mapped = all.map((row) => mapping.map(row));
  mapping.checkEnd('t.csv');
  return mapped;
}

/** A file of JSONL in memory. */
function jsonl(text: string, name = 'a.jsonl'): DetectedFile {
  const content = () => inPieces(Buffer.from(text), 7);
  const file = {
    name,
    folder: '/nowhere',
    bytes: undefined,
    identity: name,
    stream: content,
    checkUnchanged: async () => undefined,
  };
  return { file, format: 'jsonl', compression: undefined, content };
}

/** The stream that files of JSONL become. */
async function converted(options: ReadOptions, ...texts: string[]): Promise<string[]> {
  const files = texts.map((text, at) => jsonl(text, `${at + 1}.jsonl`));
  const { source } = convertInput(files, rowMapping(options), options, []);
  return Buffer.concat(await collect(source))
    .toString('utf8')
    .split('\n')
    .slice(0, -1);
}

/** The error of a conversion with its scan. */
async function refused(options: ReadOptions, ...texts: string[]): Promise<unknown> {
  const files = texts.map((text, at) => jsonl(text, `${at + 1}.jsonl`));
  const stream = convertInput(files, rowMapping(options), options, []);
  const rules = { attachments: rulesFor('/nowhere'), chunkSize: 10, skipInvalid: false };
  return await scanInput({ ...stream, ...rules, name: 'input' }).then(
    () => undefined,
    (error: unknown) => (error instanceof InputError ? error.message.split('\n') : error),
  );
}

describe('a row of a table', () => {
  it.each<[string, ReadOptions, readonly string[], readonly unknown[], MappedRow]>([
    [
      'has its fields in the columns of their names',
      {},
      ['prompt', 'id', 'attachment', 'system', 'other'],
      ['a', 'x', 'p.png', 's', 'o'],
      { record: { prompt: 'a', id: 'x', attachment: 'p.png', system: 's' } },
    ],
    [
      'has several attachments in a list',
      {},
      ['prompt', 'attachments'],
      ['a', ['p.png', 'q.pdf']],
      { record: { prompt: 'a', attachments: ['p.png', 'q.pdf'] } },
    ],
    [
      'has a single attachment in a column for several',
      {},
      ['prompt', 'attachments'],
      ['a', 'p.png'],
      { record: { prompt: 'a', attachments: ['p.png'] } },
    ],
    [
      'has those of several columns, of which one has a list as JSON, and one none',
      { attachmentColumn: ['front', 'more', 'none'] },
      ['prompt', 'front', 'more', 'none'],
      ['a', 'p.png', '["q.png", "r.png"]', ''],
      { record: { prompt: 'a', attachments: ['p.png', 'q.png', 'r.png'] } },
    ],
    [
      'has an attachment whose name looks like a list',
      { attachmentColumn: ['front'] },
      ['prompt', 'front'],
      ['a', '["x].png'],
      { record: { prompt: 'a', attachment: '["x].png' } },
    ],
    [
      'has no attachment that is no text',
      { attachmentColumn: 'front' },
      ['prompt', 'front'],
      ['a', ['p.png', 5]],
      {
        problems: [{ column: 'front', message: 'must be a path or a URL, or a list of them' }],
        id: undefined,
        columns: undefined,
      },
    ],
    [
      'has no field where its cell is empty',
      {},
      ['prompt', 'id', 'attachment'],
      ['a', '', ''],
      { record: { prompt: 'a' } },
    ],
    [
      'is put into templates',
      { prompt: 'Say {{a}} and {{b}}', system: 'In {{lang}}.' },
      ['a', 'b', 'lang'],
      ['{{b}}', 2, 'de'],
      { record: { prompt: 'Say {{b}} and 2', system: 'In de.' } },
    ],
    [
      'has its id and its attachment in the columns that are named',
      { prompt: 'What is it?', idColumn: 'key', attachmentColumn: 'picture' },
      ['id', 'key', 'picture', 'attachment'],
      ['no', 'k', 'p.png', 'no'],
      { record: { prompt: 'What is it?', id: 'k', attachment: 'p.png' } },
    ],
    [
      'has a large number as its id as text, a small one as a number',
      { idColumn: 'n' },
      ['prompt', 'n'],
      ['a', 9007199254740993n],
      { record: { prompt: 'a', id: '9007199254740993' } },
    ],
    ['', { idColumn: 'n' }, ['prompt', 'n'], ['a', 7n], { record: { prompt: 'a', id: 7 } }],
    [
      'is invalid without a value in a column of a template',
      { prompt: '{{a}} {{b}} {{c}}', system: '{{c}}' },
      ['a', 'b', 'c', 'id'],
      ['x', null, undefined, 'k'],
      {
        problems: ['b', 'c', 'c'].map((name) => ({ column: name, message: 'no value' })),
        id: 'k',
      },
    ],
    [
      'is invalid if nothing but the template would be asked',
      { prompt: 'Classify: {{a}} {{b}}' },
      ['a', 'b'],
      ['', ' \n'],
      { problems: ['a', 'b'].map((name) => ({ column: name, message: 'must not be empty' })) },
    ],
    [
      'may have empty cells beside others',
      { prompt: '{{a}}|{{b}}' },
      ['a', 'b'],
      ['', 'x'],
      { record: { prompt: '|x' } },
    ],
    [
      'is invalid without an id in the column for it',
      { idColumn: 'k' },
      ['prompt', 'k'],
      ['a', ''],
      {
        problems: [{ column: 'k', message: 'no id' }],
      },
    ],
    [
      'keeps its columns for the output, with their types',
      { prompt: '{{t}}', columns: 'all' },
      ['t', 'n', 'big', 'none', 'list'],
      ['x', 1.5, 2n ** 63n, null, [1, { a: true }]],
      {
        record: { prompt: 'x' },
        columns: '{"t":"x","n":1.5,"big":9223372036854775808,"none":null,"list":[1,{"a":true}]}',
      },
    ],
    [
      'keeps the chosen columns, also if it is invalid',
      { prompt: '{{t}}', columns: ['n', 'id'] },
      ['t', 'n', 'id'],
      [null, 1, 'k'],
      { problems: [{ column: 't', message: 'no value' }], id: 'k', columns: '{"n":1,"id":"k"}' },
    ],
  ])('%s', (_, options, columns, values, expected) => {
    expect(table(options, columns, values)).toEqual([expected]);
  });

  it.each<[ReadOptions, string]>([
    [
      { prompt: '{{txet}}' },
      't.csv: no column "txet", which the prompt names; did you mean "text"? There are "id", "Text ", "text", "lang"',
    ],
    [{ prompt: '{{Text}}' }, 'which the prompt names; did you mean "Text "? There are'],
    [{ prompt: 'a', system: '{{x}}' }, 'no column "x", which the system message names; there are'],
    [{ prompt: 'a', idColumn: 'key' }, '"key", which the ids are to come from; there are'],
    [{ prompt: 'a', attachmentColumn: 'file' }, '"file", which the attachments are to come from; there are'],
    [{ prompt: 'a', where: ['lnag=de'] }, '"lnag", which a condition names; did you mean "lang"? There are'],
    [{ prompt: 'a', columns: ['text', 'nope'] }, '"nope", which the output is to have; there are'],
    [{}, `no column "prompt"; give the prompt as a template of columns, as --prompt 'Classify: {{text}}'; there are`],
  ])('cannot lack what %j needs: the error names the column, the nearest and all', (options, message) => {
    expect(() => table(options, ['id', 'Text ', 'text', 'lang'])).toThrow(message);
  });

  it('may be one of 10,000 columns: an error lists the first', () => {
    const columns = Array.from({ length: 10_000 }, (_, at) => `c${at}`);
    expect(() => table({ prompt: '{{colour}}' }, columns)).toThrow(/"c19", 9,980 more$/);
    expect(table({ prompt: '{{c9999}}' }, columns, columns)).toEqual([{ record: { prompt: 'c9999' } }]);
  });
});

describe('which rows are wanted', () => {
  const rows = Array.from({ length: 100 }, (_, at) => [`text ${at}`, at % 2 === 0 ? 'de' : 'en', String(at)]);
  const wanted = (options: ReadOptions) =>
    table(options, ['prompt', 'lang', 'n'], ...rows).flatMap((row, at) =>
      row === 'skip' || row === 'end' ? [] : [at],
    );

  it('is said by conditions, all of which must hold', () => {
    expect(wanted({ where: ['lang=de', 'n>=90', 'n!=94'] })).toEqual([90, 92, 96, 98]);
  });

  it('is said by a limit, on what fulfils the conditions', () => {
    expect(wanted({ where: ['lang=en'], limit: 3 })).toEqual([1, 3, 5]);
    expect(wanted({ limit: 200 })).toHaveLength(100);
  });

  it('is said by a sample of what fulfils the conditions, the same under the same seed', () => {
    const sample = wanted({ where: ['lang=en'], sample: 10, seed: 3 });
    expect(sample).toHaveLength(10);
    expect(sample.every((at) => at % 2 === 1)).toBe(true);
    expect(wanted({ where: ['lang=en'], sample: 10, seed: 3 })).toEqual(sample);
    expect(wanted({ where: ['lang=en'], sample: 10, seed: 4 })).not.toEqual(sample);
    expect(wanted({ sample: 1000 })).toHaveLength(100);
  });

  it('may not be none of them', () => {
    expect(() => wanted({ where: ['lang=fr', 'n>3'] })).toThrow('no row of t.csv fulfils lang=fr and n>3');
  });
});

describe('an object of JSONL', () => {
  it('is a row: its number stays that of its line', async () => {
    const text = '{"t":"a"}\n\n{"t":"b","l":1}\n{"t":"c","l":1.0}';
    expect(await converted({ prompt: '{{t}}', where: ['l=1'] }, text, '{"t":"d","l":1}')).toEqual([
      '',
      '',
      '{"prompt":"b"}',
      '{"prompt":"c"}',
      '{"prompt":"d"}',
    ]);
  });

  it('keeps its columns as they are written, digits and all', async () => {
    const line = '{"prompt":"a","n":1.10,"big":12345678901234567890123,"s":"\\ud83d\\ude00 \\u0041","o": {"x" : [ ]}}';
    expect(await converted({ columns: 'all' }, line)).toEqual([`{"prompt":"a","columns":${line}}`]);
    expect(await converted({ columns: ['o', 'big', 'n', 'prompt'] }, line)).toEqual([
      '{"prompt":"a","columns":{"o":{"x" : [ ]},"big":12345678901234567890123,"n":1.10,"prompt":"a"}}',
    ]);
  });

  it('keeps what it has for the output already, if nothing else is chosen', async () => {
    const line = '{"prompt":"a","columns":{"n":1.0},"l":"x"}';
    expect(await converted({ limit: 5 }, line)).toEqual(['{"prompt":"a","columns":{"n":1.0}}']);
    expect(await converted({ columns: ['l'] }, line)).toEqual(['{"prompt":"a","columns":{"l":"x"}}']);
  });

  it('is on one line to every reader in the output', async () => {
    const [line = ''] = await converted({ columns: 'all' }, '{"prompt":"a","s":"\u2028\u0085"}');
    expect(line).toBe('{"prompt":"a","columns":{"prompt":"a","s":"\\u2028\\u0085"}}');
  });

  it.each<[ReadOptions, string[], unknown]>([
    [
      { prompt: '{{txet}}' },
      ['{"text":"a"}\n{"text":"b","id":2}'],
      ['1.jsonl: no column "txet", which the prompt names; did you mean "text"? There are "text", "id"'],
    ],
    [
      { prompt: '{{text}}', where: ['lnag=de'] },
      ['{"text":"a","lang":"de"}', '{"text":"b"}'],
      ['1.jsonl and 1 more: no column "lnag", which a condition names; did you mean "lang"? There are "text", "lang"'],
    ],
    [
      { prompt: '{{text}}' },
      ['{"text":"a"}', '{"text":"b"}\n\n{"other":"c"}\n{"text":"d"'],
      [
        '2.jsonl:3: column "text": no value',
        expect.stringMatching(/^2\.jsonl:4: not valid JSON/),
        'Nothing was started: fix these lines, or give --skip-invalid to write an error line for each.',
      ],
    ],
    [
      { limit: 1 },
      ['{"prompt":7}'],
      ['1.jsonl:1: prompt: must be text, not a number', expect.stringMatching(/^Nothing was started/)],
    ],
    [
      { prompt: '{{t}}', idColumn: 'k' },
      ['{"t":"a","k":1}\n{"t":"b","k":1}'],
      ['1.jsonl:2: id: "1" is a duplicate of 1.jsonl:1', expect.stringMatching(/^Nothing was started/)],
    ],
  ])('%j: what is wrong with %j is named', async (options, texts, expected) => {
    expect(await refused(options, ...texts)).toEqual(expected);
  });

  it('gives the same items whatever pieces it comes in, and whichever rows are around it', async () => {
    const record = fc.record({ text: fc.string({ minLength: 1 }), n: fc.nat(3) });
    await fc.assert(
      fc.asyncProperty(fc.array(record, { minLength: 1, maxLength: 20 }), async (records) => {
        const lines = records.map((row) => JSON.stringify({ ...row, text: `.${row.text}` }));
        const found = await converted({ prompt: '{{text}}', where: ['n>=2'], columns: 'all' }, lines.join('\n')).catch(
          (error: unknown) => error,
        );
        const expected = lines.map((line) => {
          const { text, n } = JSON.parse(line);
          return n < 2 ? '' : `{"prompt":${JSON.stringify(text)},"columns":${line}}`;
        });
        if (expected.every((line) => line === '')) expect(found).toBeInstanceOf(InputError);
        else expect(found).toEqual(expected);
      }),
      { numRuns: 50 },
    );
  });
});

describe('an object that is a conversation', () => {
  const messages = [{ role: 'user', content: 'Hi' }];

  it('keeps all of its request when rows are chosen', async () => {
    const own = JSON.stringify({ id: 'a', messages, body: { seed: 7 }, lang: 'de' });
    const other = JSON.stringify({ id: 'b', messages, lang: 'en' });
    const lines = await converted({ where: ['lang=de'] }, `${own}\n${other}\n`);
    expect(lines.map((line) => (line === '' ? '' : JSON.parse(line)))).toEqual([
      { id: 'a', messages, body: { seed: 7 } },
      '',
    ]);
  });

  it('may be a line of OpenAI’s batches, with an id of its place', async () => {
    const line = JSON.stringify({ custom_id: 'r', method: 'POST', url: '/v1/chat/completions', body: { messages } });
    const [converting = ''] = await converted({ limit: 1, idFrom: '{{file}}:{{row}}' }, `${line}\n`);
    expect(JSON.parse(converting)).toMatchObject({ id: '1.jsonl:1', custom_id: 'r', body: { messages } });
    expect(await refused({ limit: 1, idFrom: '{{file}}:{{row}}' }, `${line}\n`)).toBeUndefined();
  });
});
