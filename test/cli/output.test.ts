import { execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { constants } from 'node:fs';
import {
  chmod,
  type FileHandle,
  link,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setImmediate } from 'node:timers/promises';
import { promisify } from 'node:util';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { UserError } from '../../src/cli/errors.js';
import { checkOutput, type Needed, writeOutput } from '../../src/cli/output.js';
import { openStorage } from '../../src/storage/open-storage.js';

/** Permission bits do not hold root back. */
const IS_ROOT = process.getuid?.() === 0;

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dria-output-'));
  const made = folder;
  onTestFinished(async () => {
    await chmod(made, 0o700);
    await rm(made, { recursive: true, force: true });
  });
});

async function* bytes(...lines: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const line of lines) yield Buffer.from(line);
}

async function* failing(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('half');
  throw new Error('the storage is gone');
}

/** A command's standard output, and nobody who interrupts it. */
function to(stdout: Writable, interrupt = new AbortController().signal) {
  return { stdout, interrupt };
}

async function refusal(path: string, needed: Needed = {}): Promise<UserError> {
  const error: unknown = await checkOutput(path, needed).catch((thrown: unknown) => thrown);
  if (!(error instanceof UserError)) throw new Error(`${path} was not refused: ${String(error)}`);
  expect(error.exitCode).toBe(2);
  expect(await readdir(folder)).toEqual(expect.not.arrayContaining([expect.stringContaining('.tmp')]));
  return error;
}

describe('checking an output', () => {
  test.each(['new.jsonl', 'old.jsonl'])(
    '%s in a folder of one’s own is fine, and nothing stays behind',
    async (name) => {
      await writeFile(join(folder, 'old.jsonl'), 'before');
      await checkOutput(join(folder, name));
      expect(await readdir(folder)).toEqual(['old.jsonl']);
      expect(await readFile(join(folder, 'old.jsonl'), 'utf8')).toBe('before');
    },
  );

  test.each(['/dev/null', '/dev/stdout', undefined])('%s is fine', async (path) => {
    expect(await checkOutput(path)).toBeUndefined();
  });

  test('a folder in the place of the file is refused, with a name to give', async () => {
    const error = await refusal(folder);
    expect(error.message).toContain('is a folder');
    expect(error.hint).toBe(`Name a file: -o ${folder}/results.jsonl`);
  });

  test('a name with a slash at its end is refused', async () => {
    expect((await refusal(join(folder, 'new/'))).message).toContain('names a folder');
  });

  test('a missing folder is refused, with how to make it', async () => {
    const error = await refusal(join(folder, 'a/b/out.jsonl'));
    expect(error.message).toContain(`${folder}/a/b does not exist`);
    expect(error.hint).toContain('mkdir -p');
  });

  test('a file in the place of the folder is refused', async () => {
    await writeFile(join(folder, 'file'), '');
    await refusal(join(folder, 'file/out.jsonl'));
  });

  test('a name that is too long, an empty one, and a ring of links are refused', async () => {
    await symlink('b', join(folder, 'a'));
    await symlink('a', join(folder, 'b'));
    await refusal(join(folder, 'x'.repeat(300)));
    await refusal('');
    await refusal(join(folder, 'a'));
  });

  test('the input file is refused, also by another name', async () => {
    const input = join(folder, 'prompts.jsonl');
    await writeFile(input, '{"prompt":"x"}');
    await symlink(input, join(folder, 'link.jsonl'));
    expect((await refusal(input, { inputs: [input] })).message).toContain('is the input file');
    await refusal(join(folder, 'link.jsonl'), { inputs: [input] });
    await checkOutput(join(folder, 'other.jsonl'), { inputs: [input] });
  });

  test('the schema file is refused, also by a hard link', async () => {
    const schemaFile = join(folder, 'schema.json');
    await writeFile(schemaFile, '{}');
    await link(schemaFile, join(folder, 'same.json'));
    expect((await refusal(join(folder, 'same.json'), { schemaFile })).message).toContain('is the schema file');
  });

  test.each<[string, number[]]>([
    ['a picture', [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d]],
    ['a sound', [0xff, 0xfb, 0x90, 0x44]],
    ['a database', [...Buffer.from('SQLite format 3\0')]],
  ])('%s is refused, and stays as it is', async (_, content) => {
    const path = join(folder, 'attached');
    await writeFile(path, Buffer.from(content));
    expect((await refusal(path)).message).toContain('is no text file');
    expect([...(await readFile(path))]).toEqual(content);
  });

  test('a text of many bytes a character is fine, wherever it is cut to be looked at', async () => {
    for (const cut of [0, 1, 2, 3]) {
      await writeFile(join(folder, 'old.jsonl'), `${'x'.repeat(cut)}${'😀'.repeat(2000)}`);
      expect(await checkOutput(join(folder, 'old.jsonl'))).toBeUndefined();
    }
  });

  test('what is in the data directory or the storage is refused, by any way to it; beside it all is free', async () => {
    const dataDir = join(folder, 'data');
    const storage = openStorage(join(folder, 'storage'));
    const places = { dataDir, storage };
    for (const made of ['data/server', 'storage/runs/one']) await mkdir(join(folder, made), { recursive: true });
    await symlink(join(folder, 'data/server'), join(folder, 'way'));
    await symlink(join(folder, 'storage/runs/one/results.jsonl'), join(folder, 'link.jsonl'));
    for (const path of ['data/new.jsonl', 'way/temporal.db', 'storage/runs/one/x', 'link.jsonl', 'storage/inputs']) {
      expect((await refusal(join(folder, path), { places })).message).toContain('runs are kept in');
    }
    for (const path of ['new.jsonl', 'storage/new.jsonl']) await checkOutput(join(folder, path), { places });
  });

  test('a socket is refused', async () => {
    const server = createServer().listen(join(folder, 'socket'));
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    expect((await refusal(join(folder, 'socket'))).message).toContain('is a socket');
  });

  test('a link to a folder that is missing is refused', async () => {
    await symlink('gone/out.jsonl', join(folder, 'link'));
    expect((await refusal(join(folder, 'link'))).message).toContain(`${folder}/gone does not exist`);
  });

  test('a device that is not there is refused', async () => {
    expect((await refusal('/proc/out.jsonl')).message).toContain('cannot be written');
    expect((await refusal('/dev/no-such-device')).message).toContain('cannot be written');
  });

  test('a link to a device is fine', async () => {
    await symlink('/dev/stdout', join(folder, 'out'));
    await symlink('/dev/null', join(folder, 'none'));
    expect(await checkOutput(join(folder, 'out'))).toBeUndefined();
    expect(await checkOutput(join(folder, 'none'))).toBeUndefined();
  });

  test.skipIf(IS_ROOT)('an unwritable folder and an unwritable file are refused', async () => {
    const file = join(folder, 'read-only.jsonl');
    await writeFile(file, '');
    await chmod(file, 0o400);
    await refusal(file);
    await chmod(folder, 0o500);
    await refusal(join(folder, 'new.jsonl'));
  });
});

describe('writing to a file', () => {
  test('the file holds everything, in order', async () => {
    const path = join(folder, 'out.jsonl');
    expect(await writeOutput(path, bytes('one\n', 'two\n'), to(new PassThrough()))).toBe('written');
    expect(await readFile(path, 'utf8')).toBe('one\ntwo\n');
    expect(await readdir(folder)).toEqual(['out.jsonl']);
  });

  test('a failure on the way leaves the old file as it was, and nothing else', async () => {
    const path = join(folder, 'out.jsonl');
    await writeFile(path, 'before');
    await expect(writeOutput(path, failing(), to(new PassThrough()))).rejects.toThrow('the storage is gone');
    expect(await readFile(path, 'utf8')).toBe('before');
    expect(await readdir(folder)).toEqual(['out.jsonl']);
  });

  test('what a killed command has left long ago goes, and nothing else', async () => {
    const [old, young] = [`.dria-temporal-${randomUUID()}.tmp`, `.dria-temporal-${randomUUID()}.tmp`];
    for (const name of [old, young, 'notes.tmp']) await writeFile(join(folder, name), 'half');
    const longAgo = Date.now() / 1000 - 2 * 3600;
    for (const name of [old, 'notes.tmp']) await utimes(join(folder, name), longAgo, longAgo);
    await writeOutput(join(folder, 'out.jsonl'), bytes('one\n'), to(new PassThrough()));
    expect((await readdir(folder)).toSorted()).toEqual([young, 'notes.tmp', 'out.jsonl'].toSorted());
  });

  test('the old file is whole until the new one is', async () => {
    const path = join(folder, 'out.jsonl');
    await writeFile(path, 'before');
    async function* watched(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('new');
      expect(await readFile(path, 'utf8')).toBe('before');
      yield Buffer.from('er');
    }
    await writeOutput(path, watched(), to(new PassThrough()));
    expect(await readFile(path, 'utf8')).toBe('newer');
  });

  test('an existing file keeps its mode', async () => {
    const path = join(folder, 'out.jsonl');
    await writeFile(path, '');
    await chmod(path, 0o640);
    await writeOutput(path, bytes('x'), to(new PassThrough()));
    expect((await stat(path)).mode & 0o777).toBe(0o640);
  });

  test('a link is written through and stays a link', async () => {
    await mkdir(join(folder, 'real'));
    await symlink('real/out.jsonl', join(folder, 'link'));
    await writeOutput(join(folder, 'link'), bytes('x'), to(new PassThrough()));
    await writeOutput(join(folder, 'link'), bytes('y'), to(new PassThrough()));
    expect(await readFile(join(folder, 'real/out.jsonl'), 'utf8')).toBe('y');
    expect(await readdir(join(folder, 'real'))).toEqual(['out.jsonl']);
    expect(await readdir(folder)).toEqual(['link', 'real']);
  });

  test('a folder that came in its place meanwhile stops it cleanly', async () => {
    const path = join(folder, 'out.jsonl');
    async function* late(): AsyncGenerator<Uint8Array> {
      await mkdir(path);
      yield Buffer.from('x');
    }
    await expect(writeOutput(path, late(), to(new PassThrough()))).rejects.toMatchObject({ code: 'EISDIR' });
    expect(await readdir(folder)).toEqual(['out.jsonl']);
  });

  test('a full disk is an error with its code', async () => {
    await expect(writeOutput('/dev/full', bytes('x'), to(new PassThrough()))).rejects.toMatchObject({ code: 'ENOSPC' });
  });

  test('a device is written directly', async () => {
    expect(await writeOutput('/dev/null', bytes('x'), to(new PassThrough()))).toBe('written');
    expect((await stat('/dev/null')).isCharacterDevice()).toBe(true);
  });

  test('a descriptor that is a plain file is written through, and its name stays what it is', async () => {
    const handle = await open(join(folder, 'err.log'), 'w');
    onTestFinished(() => handle.close());
    const path = `/dev/fd/${handle.fd}`;
    await checkOutput(path);
    expect(await writeOutput(path, bytes('one\n', 'two\n'), to(new PassThrough()))).toBe('written');
    expect(await readFile(join(folder, 'err.log'), 'utf8')).toBe('one\ntwo\n');
    expect(await readdir(folder)).toEqual(['err.log']);
  });

  test('a link to standard output goes to the stream', async () => {
    await symlink('/dev/stdout', join(folder, 'out'));
    const stdout = new PassThrough();
    expect(await writeOutput(join(folder, 'out'), bytes('one\n'), to(stdout))).toBe('written');
    expect(await text(stdout.end())).toBe('one\n');
  });

  test('a named pipe is written to its reader, and a reader that goes away is no error', async () => {
    const pipe = join(folder, 'pipe');
    await promisify(execFile)('mkfifo', [pipe]);
    const reader = spawn('head', ['-c', '4', pipe], { stdio: ['ignore', 'pipe', 'inherit'] });
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) yield Buffer.alloc(65_536, 'x');
    }
    const [written, said] = await Promise.all([
      writeOutput(pipe, endless(), to(new PassThrough())),
      text(reader.stdout),
      once(reader, 'exit'),
    ]);
    expect([written, said]).toEqual(['closed', 'xxxx']);
  });

  test('a named pipe gets all of it, also when its reader comes later', async () => {
    const pipe = join(folder, 'pipe');
    await promisify(execFile)('mkfifo', [pipe]);
    const written = writeOutput(pipe, bytes('one\n', 'x'.repeat(300_000), '\ntwo\n'), to(new PassThrough()));
    const reader = spawn('cat', [pipe], { stdio: ['ignore', 'pipe', 'inherit'] });
    expect(await text(reader.stdout)).toHaveLength(300_009);
    expect(await written).toBe('written');
  });

  test('a named pipe that nobody opens, or nobody reads any more, is left at an interrupt', async () => {
    const pipe = join(folder, 'pipe');
    await promisify(execFile)('mkfifo', [pipe]);
    const interrupt = new AbortController();
    const unread = writeOutput(pipe, bytes('one\n'), to(new PassThrough(), interrupt.signal));
    interrupt.abort('SIGINT');
    await expect(unread).rejects.toBe('SIGINT');

    const second = new AbortController();
    const reader = await open(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
    onTestFinished(() => reader.close());
    async function* full(): AsyncGenerator<Uint8Array> {
      yield Buffer.alloc(1 << 20);
    }
    const stalled = writeOutput(pipe, full(), to(new PassThrough(), second.signal));
    const { bytesRead } = await untilSome(reader);
    expect(bytesRead).toBeGreaterThan(0);
    second.abort('SIGTERM');
    await expect(stalled).rejects.toBe('SIGTERM');
  });
});

/** Reads the first bytes of a pipe that is written to. */
async function untilSome(reader: FileHandle): Promise<{ bytesRead: number }> {
  for (;;) {
    const read = await reader.read(Buffer.alloc(1)).catch(() => ({ bytesRead: 0 }));
    if (read.bytesRead > 0) return read;
    await setImmediate();
  }
}

describe('writing to standard output', () => {
  test.each([undefined, '/dev/stdout', '/dev/fd/1'])('%s goes to the stream, which stays open', async (path) => {
    const stdout = new PassThrough();
    expect(await writeOutput(path, bytes('one\n', 'two\n'), to(stdout))).toBe('written');
    expect(stdout.writableEnded).toBe(false);
    expect(stdout.listenerCount('error')).toBe(0);
    expect(await text(stdout.end())).toBe('one\ntwo\n');
  });

  test('no more is read than the reader takes', async () => {
    let read = 0;
    let release: () => void = () => undefined;
    const stdout = new Writable({
      write: (_chunk, _encoding, done) => {
        release = done;
        stdout.emit('held');
      },
    });
    async function* counted(): AsyncGenerator<Uint8Array> {
      while (read < 3) {
        read += 1;
        yield Buffer.from('x');
      }
    }
    let held = once(stdout, 'held');
    const written = writeOutput(undefined, counted(), to(stdout));
    for (const expected of [1, 2, 3]) {
      await held;
      expect(read).toBe(expected);
      held = once(stdout, 'held');
      release();
    }
    expect(await written).toBe('written');
  });

  test('a failing source is told', async () => {
    await expect(writeOutput(undefined, failing(), to(new PassThrough()))).rejects.toThrow('the storage is gone');
  });

  test('a full disk behind standard output is told', async () => {
    const handle = await open('/dev/full', constants.O_WRONLY);
    await expect(writeOutput(undefined, bytes('x'), to(handle.createWriteStream()))).rejects.toMatchObject({
      code: 'ENOSPC',
    });
  });

  test('a process whose reader goes away ends quietly', async () => {
    const built = new URL('../../dist/cli/output.js', import.meta.url).href;
    const script = `
      const { writeOutput } = await import(${JSON.stringify(built)});
      async function* endless() { for (;;) yield Buffer.alloc(65536, 'x'); }
      process.stderr.write(await writeOutput(undefined, endless(), { stdout: process.stdout, interrupt: new AbortController().signal }));`;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.once('data', () => child.stdout.destroy());
    const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
    expect([said, code]).toEqual(['closed', 0]);
  });
});
