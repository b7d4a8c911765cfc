import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { command } from '../../support/command.js';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dria-check-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
});

function file(name: string, content: string | Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** Runs `check` in the folder of the files, with the names as they are there. */
async function check(...args: string[]) {
  const { code, stdout, stderr } = await command(['check', ...args], { DRIA_TEMPORAL_DATA_DIR: join(folder, 'data') });
  const here = (text: string) => text.replaceAll(`${folder}/`, '').replaceAll(/\s+/g, ' ');
  return { code, stdout: here(stdout), stderr: here(stderr) };
}

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

describe('check', () => {
  it('says format, columns, items, duplicates and tokens, without a key, an endpoint or a server', async () => {
    file('a.png', PNG);
    const path = file('a.csv', `id,text,pic\n1,${'x'.repeat(400)},\n2,abcd,a.png\n3,abcd,\n4,abcd,\n`);
    const { code, stdout, stderr } = await check(path, '--prompt', '{{text}}', '--attachment-column', 'pic');
    expect(stderr).toBe('');
    expect(stdout).toContain(
      'File a.csv: csv, 445 bytes Columns id, text, pic Items 4: 3 text, 1 vision Duplicates 1 item',
    );
    expect(stdout).toContain('with the content of an earlier one, the first a.csv, row 4, as a.csv, row 3');
    expect(stdout).toContain('about 1.1k of prompts, 284 each on average; the largest text 100 (a.csv, row 1)');
    expect(code).toBe(0);
  });

  it('counts items by all that is attached to them and by the models that they name, and checks their schemas', async () => {
    file('b.png', PNG);
    file('b.pdf', '%PDF-1.4\n');
    const lines = [
      { prompt: 'a', attachments: ['b.png', 'b.pdf'], model: 'm' },
      { prompt: 'b', attachments: ['b.png', '../../x.png'] },
      { prompt: 'c', model: 'm', schema: 'mood:good|bad' },
      { prompt: 'd', model: 'n', schema: { type: 'strange' } },
      { prompt: 'e', messages: null, model: 'n' },
      { prompt: 'f' },
    ];
    const { code, stdout } = await check(file('b.jsonl', lines.map((line) => `${JSON.stringify(line)}\n`).join('')));
    expect(stdout).toContain('Items 6: 3 text, 1 vision+document, 2 invalid Models m 2, n 1, 1 name none');
    expect(stdout).toContain('b.jsonl:2: attachments: "../../x.png" leads by ".." outside');
    expect(stdout).toContain('b.jsonl:4: schema: the schema is not valid at /type');
    expect(code).toBe(2);
  });

  it('names the first bad rows and ends with 2', async () => {
    const path = file(
      'a.jsonl',
      '{"prompt":"a"}\n{"prompt":7}\n\n{"prompts":"b"}\n{"prompt":"c","attachment":"none.png"}\n',
    );
    const { code, stdout } = await check(path);
    expect(stdout).toContain('Items 4: 1 text, 3 invalid');
    expect(stdout).toContain(
      '3 invalid items, the first problems: a.jsonl:2: prompt: must be text, not a number a.jsonl:4: unknown field',
    );
    expect(stdout).toContain('a.jsonl:5: attachment: "none.png"');
    expect(code).toBe(2);
  });

  it('says what there is of an input that cannot be used as it is', async () => {
    const { code, stdout } = await check(file('a.csv', 'id,text\n1,hello\n'));
    expect(stdout).toContain('Columns id, text Error a.csv: no column "prompt"; give the prompt as a template');
    expect(stdout).not.toContain('Items');
    expect(code).toBe(2);
  });

  it('prints one line of JSON', async () => {
    const path = file('a.jsonl.gz', gzipSync('{"t":"a","l":"de"}\n{"t":"a","l":"en"}\n{"t":null,"l":"de"}\n'));
    const { code, stdout } = await check(path, '--json', '--prompt', 'Say {{t}}', '--where', 'l=de');
    expect(JSON.parse(stdout)).toEqual({
      files: [
        { name: 'a.jsonl.gz', format: 'jsonl', compression: 'gzip', bytes: expect.any(Number), columns: ['t', 'l'] },
      ],
      items: { all: 2, text: 1, vision: 0, audio: 0, invalid: 1 },
      models: {},
      promptTokens: 10,
      duplicates: { items: 0, first: null },
      largest: { tokens: 2, place: 'a.jsonl.gz:1' },
      problems: [{ place: 'a.jsonl.gz:3', message: 'column "t": no value' }],
      error: null,
    });
    expect(code).toBe(2);
  });

  it('takes several files, of which it counts the items together', async () => {
    const [a, b] = [file('a.jsonl', '{"prompt":"a"}\n'), file('b.csv', 'prompt\na\nb\n')];
    const { code, stdout } = await check(a, b);
    expect(stdout).toContain('File a.jsonl: jsonl, 15 bytes Columns prompt File b.csv: csv, 11 bytes Columns prompt');
    expect(stdout).toContain(
      'Items 3: 3 text Duplicates 1 item with the content of an earlier one, the first b.csv, row 1, as a.jsonl:1',
    );
    expect(code).toBe(0);
  });

  it.each<[string[], string]>([
    [['none.jsonl'], 'none.jsonl: no such file'],
    [['a.jsonl', '--prompt', '{{'], '--prompt: the braces at character 1 are not closed'],
    [['a.jsonl', '--where', 'l'], '--where: "l" is no condition: write one as lang=de'],
    [['a.jsonl', '--columns', 'a,'], '--columns: a name of a column is missing'],
    [['a.jsonl', '--limit', '0'], '--limit: '],
    [['a.jsonl', '--limit', '2', '--sample', '2'], '--sample: a sample has its own number of rows'],
    [['a.jsonl', '--seed', '2'], '--seed: only a sample has one'],
    [['a.jsonl', '--id-from', '{{row}}', '--id-column', 'k'], '--id-column: the ids are made by a template'],
    [['a.jsonl', '--prompt', '@none.txt'], 'none.txt cannot be read; for a text that begins with @ write @@'],
    [['a.jsonl', '--prompt', '@latin.txt'], 'latin.txt is not UTF-8'],
  ])('%j: what cannot be meant is refused with 2, by its flag', async (args, message) => {
    file('a.jsonl', '{"prompt":"a"}\n');
    file('latin.txt', Buffer.from([0xe4]));
    const paths = args.map((arg) => arg.replace(/^(@?)(?=(none|a|latin)\.)/, `$1${folder}/`));
    const { code, stdout, stderr } = await check(...paths);
    expect(stderr).toContain(message);
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });

  it('reads a template from a file, without the last line end, and two @ as one', async () => {
    const [text, template] = [file('a.jsonl', '{"t":"b"}\n'), file('p.txt', '\ufeffSay:\n{{t}}\n')];
    const tokens = async (prompt: string) => {
      const { stdout } = await check(text, '--json', '--prompt', prompt);
      return JSON.parse(stdout).largest.tokens;
    };
    expect(await tokens(`@${template}`)).toBe(2);
    expect(await tokens('@@ {{t}} 6789')).toBe(2);
  });
});
