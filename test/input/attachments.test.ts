import { execFileSync } from 'node:child_process';
import { mkdir, realpath, symlink, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { AttachmentChecker } from '../../src/input/attachment-checker.js';
import { type AttachmentRules, resolveAttachment } from '../../src/input/attachments.js';
import { AttachmentError } from '../../src/input/errors.js';
import { PNG, rulesFor, temporaryFolder, WAV } from './helpers.js';

const JPEG = Buffer.from('ffd8ffe000104a46494600010100000100010000ffd9', 'hex');
const GIF = Buffer.from('GIF89a\x01\x00\x01\x00\x00\x00\x00;', 'latin1');
const WEBP = Buffer.from(
  'RIFF\x1a\x00\x00\x00WEBPVP8L\x0d\x00\x00\x00\x2f\x00\x00\x00\x10\x07\x10\x11\x11\x88\x88\xfe\x07\x00',
  'latin1',
);
const MP3_FRAME = Buffer.concat([Buffer.from('fffb9064', 'hex'), Buffer.alloc(413)]);
const ID3 = Buffer.concat([Buffer.from('ID3\x03\x00\x00\x00\x00\x40\x00', 'latin1'), Buffer.alloc(8192), MP3_FRAME]);
/** A PNG whose colour profile is longer than what is looked at. */
const PNG_LONG_PROFILE = Buffer.concat([
  PNG.subarray(0, 33),
  Buffer.from('00004e20', 'hex'),
  Buffer.from('iCCP'),
  Buffer.alloc(20_004),
  PNG.subarray(33),
]);

/** `data/` is the input's folder; `outside/` lies beside it. */
async function folders(): Promise<{ data: string; outside: string; rules: AttachmentRules }> {
  const root = await realpath(await temporaryFolder());
  const [data, outside] = [path.join(root, 'data'), path.join(root, 'outside')];
  await mkdir(data);
  await mkdir(outside);
  await writeFile(path.join(data, 'in.png'), PNG);
  await writeFile(path.join(outside, 'out.png'), PNG);
  return { data, outside, rules: rulesFor(data) };
}

async function failure(text: string, rules: AttachmentRules): Promise<AttachmentError> {
  const error = await resolveAttachment(text, rules).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof AttachmentError) return error;
  throw new Error(`${text} was not refused`, { cause: error });
}

describe('an attached file', () => {
  it.each([
    ['PNG', PNG, 'image/png', 'vision'],
    ['PNG with a long profile', PNG_LONG_PROFILE, 'image/png', 'vision'],
    ['JPEG', JPEG, 'image/jpeg', 'vision'],
    ['GIF', GIF, 'image/gif', 'vision'],
    ['WebP', WEBP, 'image/webp', 'vision'],
    ['WAV', WAV, 'audio/wav', 'audio'],
    ['MP3', MP3_FRAME, 'audio/mpeg', 'audio'],
    ['MP3 with a long tag', ID3, 'audio/mpeg', 'audio'],
  ])('is known by its content, whatever its name: %s', async (_, content, mediaType, modality) => {
    const { data, rules } = await folders();
    const file = path.join(data, 'file.txt');
    await writeFile(file, content);
    const expected = { kind: 'file', path: file, bytes: content.length, mediaType, modality };
    expect(await resolveAttachment('file.txt', rules)).toMatchObject(expected);
    await writeFile(path.join(data, 'file.jpg'), content);
    expect(await resolveAttachment('./file.jpg', rules)).toMatchObject({ mediaType, modality });
  });

  it('may be an MP3 with padding before its first frame, by its extension', async () => {
    const { data, rules } = await folders();
    const padded = Buffer.concat([Buffer.alloc(100, 0x55), MP3_FRAME]);
    await writeFile(path.join(data, 'a.mp3'), padded);
    await writeFile(path.join(data, 'a.wav'), padded);
    expect(await resolveAttachment('a.mp3', rules)).toMatchObject({ mediaType: 'audio/mpeg' });
    expect((await failure('a.wav', rules)).code).toBe('UNSUPPORTED');
  });

  it.each(['note.png', 'note.wav', 'note.mp3', 'note'])('that is only text is refused: %s', async (name) => {
    const { data, rules } = await folders();
    await writeFile(path.join(data, name), 'These are the meeting notes.\n');
    const error = await failure(name, rules);
    expect(error.code).toBe('UNSUPPORTED');
    expect(error.message).toContain('is not an image, a sound or a PDF');
  });

  it.each([
    ['BMP', Buffer.from(`BM${'\0'.repeat(60)}`, 'latin1'), 'image/bmp'],
    ['FLAC', Buffer.from('fLaC\0\0\0\x22', 'latin1'), 'audio/flac'],
    ['MP4', Buffer.from('\0\0\0\x18ftypmp42\0\0\0\0mp42isom', 'latin1'), 'video/mp4'],
  ])('of another format is refused with what it is and what can be sent: %s', async (_, content, mediaType) => {
    const { data, rules } = await folders();
    await writeFile(path.join(data, 'a.png'), content);
    const error = await failure('a.png', rules);
    expect(error.code).toBe('UNSUPPORTED');
    expect(error.message).toBe(
      `"a.png" is ${mediaType}; supported are images (PNG, JPEG, WebP, GIF), sounds (WAV, MP3) and PDF`,
    );
  });

  it('is refused when it is missing, empty, a directory or over the limit', async () => {
    const { data, rules } = await folders();
    await writeFile(path.join(data, 'empty.png'), '');
    await mkdir(path.join(data, 'folder'));
    await writeFile(path.join(data, 'large.png'), PNG);
    await truncate(path.join(data, 'large.png'), 20_000_001);
    await writeFile(path.join(data, 'full.png'), PNG);
    await truncate(path.join(data, 'full.png'), 20_000_000);
    expect(await failure('none.png', rules)).toMatchObject({ code: 'NOT_FOUND', message: '"none.png" does not exist' });
    expect((await failure('in.png/none.png', rules)).code).toBe('NOT_FOUND');
    expect(await failure('empty.png', rules)).toMatchObject({ code: 'EMPTY', message: '"empty.png" is empty' });
    expect((await failure('folder', rules)).message).toBe('"folder" is a directory, not a file');
    expect((await failure('large.png', rules)).message).toBe(
      '"large.png" is too large: 20,000,001 bytes (20 MB); the limit is 20,000,000 bytes (20 MB)',
    );
    expect(await resolveAttachment('full.png', rules)).toMatchObject({ bytes: 20_000_000 });
  });

  it.skipIf(process.platform === 'win32')('is refused when it is a pipe, without waiting for a writer', async () => {
    const { data, rules } = await folders();
    execFileSync('mkfifo', [path.join(data, 'pipe.png')]);
    expect((await failure('pipe.png', rules)).message).toBe('"pipe.png" is a pipe or a device, not a file');
  });

  it('is refused when links lead in a circle, or its path is none', async () => {
    const { data, rules } = await folders();
    await symlink('b.png', path.join(data, 'a.png'));
    await symlink('a.png', path.join(data, 'b.png'));
    expect((await failure('a.png', rules)).message).toBe('"a.png" cannot be read: its symbolic links lead in a circle');
    expect((await failure('a\0.png', rules)).code).toBe('MALFORMED');
    expect((await failure(PNG.toString('base64').repeat(60), rules)).message).toContain('too long for a path');
  });
});

describe('a file outside the input folder', () => {
  it('is refused when reached by "..", by an absolute path or through a link, each in its own words', async () => {
    const { data, outside, rules } = await folders();
    await symlink(path.join(outside, 'out.png'), path.join(data, 'link.png'));
    await symlink(outside, path.join(data, 'linked'));
    const cases: readonly (readonly [string, string])[] = [
      ['../outside/out.png', 'leads by ".." outside'],
      ['sub/../../outside/out.png', 'leads by ".." outside'],
      [path.join(outside, 'out.png'), 'is an absolute path outside'],
      ['link.png', 'leads through a symbolic link to a place outside'],
      ['linked/out.png', 'leads through a symbolic link to a place outside'],
    ];
    for (const [text, words] of cases) {
      const error = await failure(text, rules);
      expect(error.code).toBe('FORBIDDEN');
      expect(error.message).toContain(words);
      expect(error.message).toContain('--attachments-root');
    }
  });

  it('is refused in the same words whether or not it exists', async () => {
    const { outside, rules } = await folders();
    const [there, missing] = ['out.png', 'not.png'].map((name) => path.join(outside, name));
    const answers = await Promise.all([failure(there ?? '', rules), failure(missing ?? '', rules)]);
    expect(answers[0].message.replace('out.png', 'not.png')).toBe(answers[1].message);
  });

  it('is taken when its folder is allowed', async () => {
    const { data, outside, rules } = await folders();
    await symlink(path.join(outside, 'out.png'), path.join(data, 'link.png'));
    const wider = { ...rules, roots: [outside] };
    for (const text of ['../outside/out.png', path.join(outside, 'out.png'), 'link.png']) {
      expect(await resolveAttachment(text, wider)).toMatchObject({ kind: 'file', path: path.join(outside, 'out.png') });
    }
    expect((await failure(path.join(outside, 'none.png'), wider)).code).toBe('NOT_FOUND');
  });

  it('does not include a folder whose name only begins the same', async () => {
    const { data, rules } = await folders();
    await mkdir(`${data}-private`);
    await writeFile(`${data}-private/x.png`, PNG);
    expect((await failure('../data-private/x.png', rules)).code).toBe('FORBIDDEN');
  });
});

describe('a file inside the input folder', () => {
  it('is taken by any path that ends there: "..", absolute, links, a linked input folder', async () => {
    const { data, outside, rules } = await folders();
    await mkdir(path.join(data, 'sub'));
    await writeFile(path.join(data, '..png'), PNG);
    await symlink(path.join(data, 'in.png'), path.join(data, 'sub', 'link.png'));
    await symlink(data, path.join(outside, 'data'));
    const real = path.join(data, 'in.png');
    for (const text of ['sub/../in.png', real, 'sub/link.png', path.join(outside, 'data', 'in.png')]) {
      expect(await resolveAttachment(text, rules)).toMatchObject({ kind: 'file', path: real });
    }
    expect(await resolveAttachment('..png', rules)).toMatchObject({ kind: 'file' });
    expect(await resolveAttachment('in.png', rulesFor(path.join(outside, 'data')))).toMatchObject({ path: real });
  });
});

describe('an attached URL', () => {
  const rules = rulesFor('/nonexistent');

  it.each([
    ['https://example.com/cat', 'vision'],
    ['http://example.com/a.JPG?size=2', 'vision'],
    ['https://example.com/talk.mp3#t=3', 'audio'],
    ['https://example.com/TALK.WAV', 'audio'],
  ])('is handed on as it is, its modality guessed from its name: %s', async (url, modality) => {
    expect(await resolveAttachment(url, rules)).toEqual({ kind: 'url', url, modality });
  });

  it.each(['http://', 'https:example.com/x.png', 'http://exa mple.com/'])(
    'is refused when malformed: %s',
    async (url) => {
      expect((await failure(url, rules)).message).toBe(`"${url}" is not a well-formed URL`);
    },
  );

  it.each(['file:///etc/passwd', 's3://bucket/a.png', 'ftp://host/a.png'])(
    'of another kind is refused: %s',
    async (url) => {
      expect((await failure(url, rules)).message).toContain('only http(s) and data URLs and paths');
    },
  );
});

describe('an attached data URL', () => {
  const rules = rulesFor('/nonexistent');

  it('is known by its content; a wrong media type is put right', async () => {
    const base64 = PNG.toString('base64');
    const expected = {
      kind: 'data',
      url: `data:image/png;base64,${base64}`,
      mediaType: 'image/png',
      modality: 'vision',
    };
    expect(await resolveAttachment(`data:image/png;base64,${base64}`, rules)).toEqual(expected);
    expect(await resolveAttachment(`data:audio/wav;name=x;base64,${base64}`, rules)).toEqual(expected);
    const sound = await resolveAttachment(`DATA:;base64,${WAV.toString('base64')}`, rules);
    expect(sound).toMatchObject({ mediaType: 'audio/wav', modality: 'audio' });
  });

  it.each([
    ['line breaks', (base64: string) => base64.replace(/.{16}/g, '$&\r\n')],
    ['spaces and a line break before it', (base64: string) => `\n  ${base64} `],
    ['no padding', (base64: string) => base64.replace(/=+$/, '')],
  ])('is read with %s', async (_what, write) => {
    // 70 bytes, so that the base64 has padding.
    const base64 = PNG.toString('base64');
    expect(base64.endsWith('=')).toBe(true);
    const resolved = await resolveAttachment(`data:image/png;base64,${write(base64)}`, rules);
    expect(resolved).toMatchObject({ kind: 'data', url: `data:image/png;base64,${base64}`, modality: 'vision' });
  });

  it.each([
    ['data:image/png;base64', 'MALFORMED', 'it has no comma'],
    ['data:image/png,abcd', 'MALFORMED', 'not encoded in base64'],
    ['data:image/png;base64,iVBORw0K0', 'MALFORMED', 'not valid base64'],
    ['data:image/png;base64,iVBORw=', 'MALFORMED', 'not valid base64'],
    ['data:image/png;base64,iVBO=w0K', 'MALFORMED', 'not valid base64'],
    ['data:image/png;base64,iVBO-w0K', 'MALFORMED', 'not valid base64'],
    ['data:image/png;base64,', 'EMPTY', 'is empty'],
    ['data:image/png;base64,SGVsbG8gd29ybGQh', 'UNSUPPORTED', 'holds no known image, sound or PDF'],
    [
      `data:image/png;base64,${Buffer.from('fLaC\0\0\0\x22', 'latin1').toString('base64')}`,
      'UNSUPPORTED',
      'holds audio/flac',
    ],
  ])('is refused when it is none: %s', async (url, code, words) => {
    const error = await failure(url, rules);
    expect(error.code).toBe(code);
    expect(error.message).toContain(words);
  });

  it('is held against the limit by its decoded size', async () => {
    const url = `data:image/png;base64,${PNG.toString('base64')}`;
    expect(await resolveAttachment(url, { ...rules, maxBytes: PNG.length })).toMatchObject({ kind: 'data' });
    expect((await failure(url, { ...rules, maxBytes: PNG.length - 1 })).code).toBe('TOO_LARGE');
  });
});

describe('checking many attachments', () => {
  const attached = (text: string) => [{ text, field: 'attachment' } as const];

  it('gives each its verdict in order, and looks at a shared file once', async () => {
    const { data, rules } = await folders();
    const checker = new AttachmentChecker(rules);
    const texts = Array.from({ length: 50 }, (_, at) =>
      at % 3 === 0 ? undefined : at % 3 === 1 ? 'in.png' : `none${at}`,
    );
    const verdicts = await checker.checkAll(texts.map((text) => (text === undefined ? [] : attached(text))));
    verdicts.forEach(([verdict], at) => {
      if (at % 3 === 0) expect(verdict).toBeUndefined();
      else if (at % 3 === 1) expect(verdict).toMatchObject({ modality: 'vision', stamp: { bytes: PNG.length } });
      else expect(verdict).toMatchObject({ message: `"none${at}" does not exist` });
    });
    await writeFile(path.join(data, 'in.png'), 'no longer an image');
    expect(await checker.checkAll([attached('in.png')])).toMatchObject([
      [{ modality: 'vision', stamp: { bytes: PNG.length } }],
    ]);
  });
});
