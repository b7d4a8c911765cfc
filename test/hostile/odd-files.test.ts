import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { runCli } from '../../src/cli/program.js';
import { Spool } from '../../src/cli/spool.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dria-odd-'));
  const made = folder;
  onTestFinished(() => rm(made, { recursive: true, force: true }));
});

/** Runs `batch` in this process, for an endpoint that nobody serves. Nothing of it may stay in the data directory. */
async function batch(args: readonly string[], stdin: Readable = new PassThrough().end(), signal?: AbortSignal) {
  const [stdout, stderr] = [new PassThrough({ encoding: 'utf8' }), new PassThrough({ encoding: 'utf8' })];
  const env = { DRIA_TEMPORAL_HOME: join(folder, 'data'), DRIA_BASE_URL: 'http://127.0.0.1:9/v1' };
  const interrupt = signal ?? new AbortController().signal;
  const code = await runCli(['node', 'dria-temporal', 'batch', ...args], { stdin, stdout, stderr, env, interrupt });
  expect(existsSync(join(folder, 'data'))).toBe(false);
  return { code, said: String(stderr.read() ?? '') };
}

async function pipe(): Promise<string> {
  const path = join(folder, 'pipe.jsonl');
  await promisify(execFile)('mkfifo', [path]);
  return path;
}

describe('an input', () => {
  test.each<[string, string, RegExp]>([
    ['that never ends a line', '/dev/zero', /\/dev\/zero has a line of more than 64 MiB/],
    ['of random bytes', '/dev/urandom', /\/dev\/urandom (has no item in its first|is )/],
    ['of nothing', '/dev/null', /\/dev\/null is empty/],
    ['that is a folder', '/dev', /\/dev is a directory/],
  ])('%s is refused', async (_, path, message) => {
    expect(await batch([path, '--skip-invalid'])).toEqual({ code: 2, said: expect.stringMatching(message) });
  });

  test('of lines without end that are no items is refused, however they come in pieces', async () => {
    async function* lines(): AsyncGenerator<Buffer> {
      for (;;) yield Buffer.from('no prom\npt in this');
    }
    const { code, said } = await batch(['-'], Readable.from(lines()));
    expect({ code, said }).toEqual({ code: 2, said: expect.stringMatching(/standard input has no item in its first/) });
  });

  test('that is a socket is refused', async () => {
    const server = createServer().listen(join(folder, 'socket'));
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    expect(await batch([join(folder, 'socket')])).toMatchObject({ code: 2, said: expect.stringMatching(/not a file/) });
  });

  test('that is a pipe which nobody writes ends with an interrupt, and so does a schema file', async () => {
    const path = await pipe();
    await writeFile(join(folder, 'in.jsonl'), '{"prompt":"a"}\n');
    for (const args of [[path], [join(folder, 'in.jsonl'), '--schema-file', path]]) {
      const interrupt = new AbortController();
      const ended = batch(args, undefined, interrupt.signal);
      interrupt.abort('SIGINT');
      expect((await ended).code).toBe(130);
    }
  });
});

describe('what came through a pipe', () => {
  const stdin = () => Readable.from([Buffer.from('{"prompt":"a"}\n'), Buffer.from('{"prompt":"b"}')]);

  test('is kept in a file without a name in the data directory, and is gone with its folder', async () => {
    const dataDir = join(folder, 'data');
    const spool = await Spool.open(dataDir);
    expect(String(await buffer(spool.fill(stdin(), 'standard input', true)))).toBe('{"prompt":"a"}\n{"prompt":"b"}');
    expect(await readdir(dataDir)).toEqual([]);
    for (const _ of ['once', 'again'])
      expect(String(await buffer(spool.read()))).toBe('{"prompt":"a"}\n{"prompt":"b"}');
    expect(String(await buffer(spool.read(2, 8)))).toBe('prompt');
    await spool.remove();
    expect(await readdir(folder)).toEqual([]);
  });

  test('leaves a data directory with something in it alone, and needs none', async () => {
    const dataDir = join(folder, 'data');
    await mkdir(join(dataDir, 'runs'), { recursive: true });
    await writeFile(join(folder, 'file'), '');
    for (const place of [dataDir, join(folder, 'file/data')]) {
      const spool = await Spool.open(place);
      await buffer(spool.fill(stdin(), 'standard input', true));
      expect(String(await buffer(spool.read()))).toContain('"b"');
      await spool.remove();
    }
    expect(await readdir(dataDir)).toEqual(['runs']);
  });
});

test.each<[string, object, RegExp]>([
  ['leads to itself', { $ref: '#' }, /--schema-file .*bad.json: .*refers to itself without end/],
  ['wants a file', { $ref: 'file:///etc/passwd' }, /bad.json: .*"file:\/\/\/etc\/passwd" at \/\$ref/],
  [
    'wants the network',
    { items: { $ref: 'http://127.0.0.1:9/' } },
    /bad.json: .*"http:\/\/127.0.0.1:9\/" at \/items\/\$ref/,
  ],
])('a schema file that %s is refused by name before anything is started', async (_, schema, message) => {
  await writeFile(join(folder, 'in.jsonl'), '{"prompt":"a"}\n');
  await writeFile(join(folder, 'bad.json'), JSON.stringify(schema));
  const ended = await batch([join(folder, 'in.jsonl'), '--schema-file', join(folder, 'bad.json')]);
  expect(ended).toEqual({ code: 2, said: expect.stringMatching(message) });
});

test('a schema file without an end is refused', async () => {
  await writeFile(join(folder, 'in.jsonl'), '{"prompt":"a"}\n');
  const ended = await batch([join(folder, 'in.jsonl'), '--schema-file', '/dev/zero']);
  expect(ended).toEqual({ code: 2, said: expect.stringMatching(/\/dev\/zero is larger than 5 MB/) });
});

test.each([
  ['--storage', 'gs://bucket/runs', /gs:\/\/bucket\/runs is neither a folder nor s3:/],
  ['--data-dir', 's3://bucket/runs', /no URL. For runs in a bucket give --storage/],
])('%s %s is refused before anything is started', async (flag, value, message) => {
  await writeFile(join(folder, 'in.jsonl'), '{"prompt":"a"}\n');
  const ended = await batch([join(folder, 'in.jsonl'), flag, value]);
  expect(ended).toEqual({ code: 2, said: expect.stringMatching(message) });
});
