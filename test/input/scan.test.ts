import { createHash } from 'node:crypto';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeLayout } from '../../src/batch/layout.js';
import { manifestSchema } from '../../src/batch/manifest.js';
import { KeyRecords } from '../../src/input/item-keys.js';
import { decodeOffsets } from '../../src/input/offsets.js';
import { readItems } from '../../src/input/read-items.js';
import { skipUnserved } from '../../src/input/skip-modalities.js';
import { collect, inPieces, PNG, problemsOf, refusal, rulesFor, scan, temporaryFolder, WAV } from './helpers.js';

describe('a good input', () => {
  it('is counted, hashed and cut into chunks', async () => {
    const folder = await temporaryFolder();
    await writeFile(path.join(folder, 'a.png'), PNG);
    await writeFile(path.join(folder, 'a.wav'), WAV);
    const text = [
      '{"prompt":"one"}',
      '{"prompt":"two","attachment":"a.png"}',
      '',
      '{"prompt":"three","attachment":"a.wav"}',
      '{"prompt":"four","id":"x"}',
      '  ',
      '{"prompt":"five","attachment":"https://example.com/cat.jpg"}',
    ].join('\n');
    const { manifest, invalid } = await scan(text, { attachments: rulesFor(folder), chunkSize: 2 });
    expect(manifestSchema.parse(manifest)).toEqual({
      version: 1,
      sha256: createHash('sha256').update(text).digest('hex'),
      bytes: text.length,
      items: 5,
      modalities: { text: 2, vision: 2, audio: 1 },
      invalid: 0,
      twins: 0,
      reused: 0,
      chunkSize: 2,
      chunks: [
        { chunk: 0, first: 0, layout: 't1v1' },
        { chunk: 1, first: 2, layout: 'a1t1' },
        { chunk: 2, first: 4, layout: 'v1' },
      ],
    });
    expect(invalid).toEqual([]);
  });

  it('is measured, valid prompts only, when that is asked for', async () => {
    const folder = await temporaryFolder();
    await writeFile(path.join(folder, 'a.png'), PNG);
    const text = [
      '{"prompt":"one","id":"same"}',
      '{"prompt":"three","attachment":"a.png"}',
      '{"prompt":"a duplicate","id":"same"}',
      '{"prompt":"lost","attachment":"none.png"}',
      '{"prompt":7}',
      '{"prompt":"12"}',
    ].join('\n');
    const options = { attachments: rulesFor(folder), skipInvalid: true };
    const { measured } = await scan(text, { ...options, measure: ({ prompt }) => prompt.length });
    expect(measured).toEqual({ text: 5, vision: 5, audio: 0 });
    expect((await scan(text, options)).measured).toEqual({ text: 0, vision: 0, audio: 0 });
  });

  it('may have a byte-order mark, CRLF, blank lines and no last line end', async () => {
    const text = '\ufeff{"prompt":"a"}\r\n\r\n \t\r\n{"prompt":"b"}';
    const { manifest, offsets } = await scan(text);
    expect(manifest.items).toBe(2);
    expect(decodeOffsets(Buffer.concat(await collect(offsets)))).toMatchObject([
      { item: 0, start: 3, bytes: 14, line: 1 },
      { item: 1, start: 25, bytes: 14, line: 4 },
    ]);
  });

  it('may have a line of 50 MB', async () => {
    const text = `{"prompt":"${'x'.repeat(50_000_000)}"}\n{"prompt":"after"}\n`;
    const { manifest, offsets } = await scan(text);
    expect(manifest.items).toBe(2);
    expect(decodeOffsets(Buffer.concat(await collect(offsets))).map(({ bytes }) => bytes)).toEqual([50_000_013, 18]);
  });

  it('gives the same result however its bytes come in pieces, and offsets that lead back to every item', async () => {
    const prompt = fc.string({ minLength: 1, unit: 'grapheme' }).filter((text) => text.trim() !== '');
    const lines = fc.array(
      fc.oneof(
        fc.constant(''),
        prompt.map((text) => JSON.stringify({ prompt: text })),
      ),
      { maxLength: 20 },
    );
    const input = fc.tuple(lines, prompt, fc.constantFrom('\n', '\r\n'), fc.constantFrom('', '\ufeff'));
    await fc.assert(
      fc.asyncProperty(input, fc.integer({ min: 1, max: 50 }), async ([some, last, end, mark], size) => {
        const texts = [...some, JSON.stringify({ prompt: last })];
        const bytes = Buffer.from(mark + texts.join(end));
        const result = await scan(bytes, { chunkSize: 3 });
        expect(await scan(bytes, { chunkSize: 3, source: inPieces(bytes, size) })).toEqual({
          ...result,
          close: expect.any(Function),
        });
        const range = async (from: number, to: number) => bytes.subarray(from, to);
        const items = await collect(readItems(range, decodeOffsets(Buffer.concat(await collect(result.offsets)))));
        const expected = texts.flatMap((text, at) =>
          text === '' ? [] : [{ line: at + 1, prompt: JSON.parse(text).prompt }],
        );
        expect(items).toEqual(expected.map((each, item) => ({ item, id: each.line, ...each })));
      }),
      { numRuns: 200 },
    );
  });
});

describe('a bad input is refused whole', () => {
  it('names every bad line with its number, its field and what to do', async () => {
    const text = '{"prompt":"ok"}\nbroken\n\n{"prompt":""}\n{"prompts":"a"}\n{"prompt":4,"id":true}\n';
    const error = await refusal(text);
    expect(error.total).toBe(5);
    expect(error.message.split('\n')).toEqual([
      expect.stringMatching(/^prompts\.jsonl:2: not valid JSON: /),
      'prompts.jsonl:4: prompt: must not be empty',
      'prompts.jsonl:5: unknown field "prompts": did you mean "prompt"?',
      'prompts.jsonl:6: prompt: must be text, not a number',
      'prompts.jsonl:6: id: must be text or a number, not a boolean',
      'Nothing was started: fix these lines, or give --skip-invalid to write an error line for each.',
    ]);
  });

  it('lists the first 20 problems and counts the rest', async () => {
    const error = await refusal('{}\n'.repeat(123));
    expect(error.problems).toHaveLength(20);
    expect(error.total).toBe(123);
    expect(error.message).toContain('prompts.jsonl:20: prompt: missing\n… and 103 more\n');
  });

  it.each([
    ['{"prompt":"a","id":"x"}\n{"prompt":"b"}\n{"prompt":"c","id":"x"}', ['3: id: "x" is a duplicate of line 1']],
    ['{"prompt":"a","id":9}\n{"prompt":"b","id":"9"}', ['2: id: "9" is a duplicate of line 1']],
    ['{"prompt":"a"}\n{"prompt":"b","id":"1"}', ['2: id: "1" is the id of line 1, which has none of its own']],
    ['{"prompt":"a","id":2}\n{"prompt":"b"}', ['2: id: missing, and the line number 2 is already the id of line 1']],
    [
      '{"prompt":"","id":"x"}\n{"prompt":"b","id":"x"}',
      ['1: prompt: must not be empty', '2: id: "x" is a duplicate of line 1'],
    ],
  ])('finds duplicate ids: %s', async (text, problems) => {
    expect(await problemsOf(text)).toEqual(problems);
  });

  it('takes ids that equal their own line number', async () => {
    const { manifest } = await scan('{"prompt":"a","id":1}\n{"prompt":"b","id":"2"}\n{"prompt":"c"}\n');
    expect(manifest.items).toBe(3);
  });

  it('finds NUL bytes, invalid UTF-8 and lines over the limit', async () => {
    const nul = Buffer.from('{"prompt":"a\0"}\n');
    const latin = Buffer.from('{"prompt":"caf\xe9"}\n', 'latin1');
    const long = Buffer.from(`{"prompt":"${'x'.repeat(100)}"}\n`);
    expect(await problemsOf(Buffer.concat([nul, latin, long]), { maxLineBytes: 50 })).toEqual([
      '1: NUL byte at character 13: the line is binary data or UTF-16',
      '2: not valid UTF-8 (byte 15 of the line)',
      '3: line too long: 113 bytes; the limit is 50 bytes',
    ]);
  });

  it('holds the files that messages name to the rules of attachments, each in words that fit its part', async () => {
    const parts = [
      { type: 'image_url', image_url: { url: '../secret.png' } },
      { type: 'image_url', image_url: '/etc/passwd' },
      { type: 'file', file: { path: 'file:///etc/passwd' } },
      { type: 'input_audio', input_audio: { path: 'in.png' } },
      { type: 'audio_url', audio_url: { url: 'gone.wav' } },
      { type: 'file', file: { path: 'in.png' } },
      { type: 'image_url', image_url: { url: 'https://e.com/a.png' } },
    ];
    const folder = await temporaryFolder();
    await writeFile(path.join(folder, 'in.png'), PNG);
    const text = parts.map((part) => JSON.stringify({ messages: [{ role: 'user', content: [part] }] })).join('\n');
    expect(await problemsOf(text, { attachments: rulesFor(folder) })).toEqual([
      expect.stringMatching(/^1: messages: "..\/secret.png" leads by ".." outside/),
      expect.stringMatching(/^2: messages: "\/etc\/passwd" is an absolute path outside/),
      '3: messages: "file:///etc/passwd": only http(s) and data URLs and paths can be attached',
      expect.stringMatching(
        /^4: messages: "in.png" is no part for sounds, but for pictures: a part of the type "file"/,
      ),
      '5: messages: "gone.wav" does not exist',
    ]);
  });

  it('finds missing, forbidden and wrong attachments, in line order', async () => {
    const root = await temporaryFolder();
    const folder = path.join(root, 'in');
    await mkdir(folder);
    await writeFile(path.join(root, 'secret.png'), PNG);
    await writeFile(path.join(folder, 'note.png'), 'text');
    await symlink(path.join(root, 'secret.png'), path.join(folder, 'link.png'));
    const attachments = ['gone.png', '../secret.png', '/etc/passwd', 'link.png', 'note.png'];
    const text = attachments.map((attachment) => JSON.stringify({ prompt: 'a', attachment })).join('\n');
    expect(await problemsOf(`${text}\n{"prompt":""}\n`, { attachments: rulesFor(folder) })).toEqual([
      '1: attachment: "gone.png" does not exist',
      expect.stringMatching(/^2: attachment: "..\/secret.png" leads by ".." outside /),
      expect.stringMatching(/^3: attachment: "\/etc\/passwd" is an absolute path outside /),
      expect.stringMatching(/^4: attachment: "link.png" leads through a symbolic link /),
      expect.stringMatching(/^5: attachment: "note.png" is not an image, a sound or a PDF/),
      '6: prompt: must not be empty',
    ]);
  });

  it.each([
    ['', 'EMPTY', 'prompts.jsonl is empty'],
    ['\ufeff', 'EMPTY', 'prompts.jsonl has only blank lines'],
    ['\n \r\n\t\n', 'EMPTY', 'prompts.jsonl has only blank lines'],
    [Buffer.from('\ufeff{"prompt":"a"}\n', 'utf16le'), 'NOT_TEXT', 'prompts.jsonl is UTF-16: save it as UTF-8'],
    [Buffer.from('1f8b0800', 'hex'), 'NOT_TEXT', 'prompts.jsonl is compressed with gzip'],
  ])('has words of their own for a file with nothing to do: %j', async (input, code, words) => {
    await expect(scan(input)).rejects.toMatchObject({ code, message: expect.stringContaining(words) });
  });
});

describe('skipping invalid lines', () => {
  it('makes an item with an error of each, with its own id where it has one', async () => {
    const text = [
      '{"prompt":"a","id":"x"}',
      'broken',
      '{"prompt":"","id":"y"}',
      '{"prompt":"b","id":"x"}',
      '{"prompt":"c"}',
    ];
    const { manifest, invalid } = await scan(text.join('\n'), { skipInvalid: true });
    expect(manifest).toMatchObject({ items: 5, invalid: 3, modalities: { text: 2, vision: 0, audio: 0 } });
    expect(manifest.chunks[0]?.layout).toBe('t1x3t1');
    expect(invalid).toEqual([
      { item: 1, line: 2, id: 2, error: expect.stringMatching(/^invalid: not valid JSON: /) },
      { item: 2, line: 3, id: 'y', error: 'invalid: prompt: must not be empty' },
      { item: 3, line: 4, id: 4, error: 'invalid: id: "x" is a duplicate of line 1' },
    ]);
  });

  it('does not give an invalid line the id of another, wherever that one stands', async () => {
    const { invalid } = await scan('broken\n{"prompt":"a","id":"1"}\n{"prompt":"b","id":4}\n{}', { skipInvalid: true });
    expect(invalid.map(({ id }) => id)).toEqual(['line 1', 'line 4']);
  });

  it('puts lines with bad attachments and lines that are too long in their places', async () => {
    const folder = await temporaryFolder();
    await writeFile(path.join(folder, 'a.png'), PNG);
    const line = (attachment?: string) => JSON.stringify({ prompt: 'a', attachment });
    const text = [line('a.png'), line('none'), line(), `"${'x'.repeat(80)}"`, line('a.png')].join('\n');
    const options = { skipInvalid: true, attachments: rulesFor(folder), maxLineBytes: 60 };
    const { manifest, offsets } = await scan(text, options);
    const codes = decodeLayout(manifest.chunks[0]?.layout ?? '');
    expect(codes).toEqual(['vision', 'invalid', 'text', 'invalid', 'vision']);
    const lines = decodeOffsets(Buffer.concat(await collect(offsets))).map(({ start, bytes }) =>
      text.slice(start, start + bytes),
    );
    expect(lines).toEqual(text.split('\n'));
  });
});

describe('items that are the same', () => {
  const lines = (...prompts: string[]): string => prompts.map((prompt) => JSON.stringify({ prompt })).join('\n');

  it('are asked once if that is wanted: the others get the line of the first', async () => {
    const text = lines('a', 'b', 'a', 'c', 'a', 'b');
    const { manifest, keys, measured } = await scan(text, { unique: true, chunkSize: 4, measure: () => 1 });
    expect(manifest).toMatchObject({ items: 6, modalities: { text: 3, vision: 0, audio: 0 }, invalid: 0, twins: 3 });
    expect(manifest.chunks).toEqual([
      { chunk: 0, first: 0, layout: 't2p1t1', copies: 3 },
      { chunk: 1, first: 4, layout: 'p2' },
    ]);
    const records = new KeyRecords(Buffer.concat(await collect(keys)));
    expect([0, 1, 2, 3, 4, 5].map((item) => records.link(item))).toEqual([2, 1, 0, 0, 0, 1]);
    expect(measured.text).toBe(3);
  });

  it('are all asked otherwise, and have their keys all the same', async () => {
    const { manifest, keys } = await scan(lines('a', 'a'));
    expect(manifest).toMatchObject({ modalities: { text: 2 }, twins: 0, chunks: [{ layout: 't2' }] });
    const records = new KeyRecords(Buffer.concat(await collect(keys)));
    expect(records.isSame(0, records, 1)).toBe(true);
  });

  it('are those with the same content attached, whatever its file is called', async () => {
    const folder = await temporaryFolder();
    const other = Buffer.concat([PNG, Buffer.of(0)]);
    const files = { 'a.png': PNG, 'b.png': PNG, 'c.png': other };
    for (const [name, content] of Object.entries(files)) await writeFile(path.join(folder, name), content);
    const attachments = [...Object.keys(files), 'https://x/1.png', 'https://x/1.png', 'https://x/2.png'];
    const text = attachments.map((attachment) => JSON.stringify({ prompt: 'p', attachment })).join('\n');
    const rules = { attachments: rulesFor(folder), unique: true };
    const hashed = await scan(`${text}\n${lines('p')}`, { ...rules, hashFiles: true });
    expect(hashed.manifest.chunks[0]?.layout).toBe('v1q1v2q1v1t1');
    // What is in files that are not read is not known.
    const unread = await scan(text, rules);
    expect(unread.manifest.chunks[0]?.layout).toBe('v4q1v1');
  });

  it('are invalid together if no model takes them', async () => {
    const text = ['https://x/1.png', 'https://x/1.png', undefined]
      .map((attachment) => JSON.stringify({ prompt: 'p', attachment }))
      .join('\n');
    const found = await scan(text, { unique: true, skipInvalid: true });
    const bytes = Buffer.from(text);
    const unserved = { modalities: new Map([['vision', 'no model sees'] as const]), models: new Map() };
    const skipped = await skipUnserved(found, unserved, async (start, end) => bytes.subarray(start, end));
    expect(skipped.manifest).toMatchObject({ invalid: 2, twins: 0, modalities: { text: 1, vision: 0 } });
    expect(skipped.invalid.map(({ item }) => item)).toEqual([0, 1]);
  });

  it('are not looked for among invalid lines', async () => {
    const text = '{"prompt":"a"}\n{"prompt":"a","nothing":1}\n{"prompt":"a"}';
    const { manifest } = await scan(text, { unique: true, skipInvalid: true });
    expect(manifest.chunks[0]?.layout).toBe('t1x1p1');
  });
});

describe('while scanning', () => {
  it('says how far it is', async () => {
    const seen: unknown[] = [];
    const text = '{"prompt":"a"}\n{"prompt":"b"}\n';
    await scan(text, { source: inPieces(Buffer.from(text), 20), onProgress: (progress) => seen.push(progress) });
    expect(seen).toEqual([
      { bytes: 20, items: 1 },
      { bytes: 30, items: 2 },
    ]);
  });

  it('stops when told to, also while the source has nothing to give', async () => {
    const source = new PassThrough();
    const abort = new AbortController();
    const reason = new Error('enough');
    const scanning = scan('', { source, signal: abort.signal, onProgress: () => abort.abort(reason) });
    source.write('{"prompt":"a"}\n');
    await expect(scanning).rejects.toBe(reason);
    expect(source.destroyed).toBe(true);
  });

  it('passes on what the source throws', async () => {
    const source = new PassThrough();
    source.destroy(new Error('the disk is gone'));
    await expect(scan('', { source })).rejects.toThrow('the disk is gone');
  });
});
