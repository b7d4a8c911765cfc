import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { CliWorld } from '../support/cli.js';
import { timesAsked } from '../support/network-process.js';
import { readResults } from '../support/result-lines.js';
import { S3Server, s3Program } from '../support/s3-server.js';

const program = s3Program();
const PICTURE = readFileSync(new URL('../../examples/media/circle.png', import.meta.url));
const PARQUET = new URL('../input/formats/parquet/snappy.parquet', import.meta.url);
const SOUND = readFileSync(new URL('../../examples/media/tones.wav', import.meta.url));

describe.skipIf(program === undefined)('a run on S3', () => {
  let world: CliWorld;
  let server: S3Server;
  beforeAll(async () => {
    world = await CliWorld.open({ latency: { kind: 'fixed', ms: 50 } });
    server = await S3Server.start(program ?? '');
    await world.keepServer();
  });
  afterEach(async () => {
    server.link.disturb();
    server.link.seen.length = 0;
    await world.network.reset();
  });
  afterAll(async () => {
    await world.close();
    await server.close();
  });

  const put = (what: string) => server.link.seen.filter((line) => line.startsWith('PUT') && line.includes(what));

  /** An input with pictures and a sound, two of them the same by another name. */
  function mixed(name: string): string {
    world.file('one.png', PICTURE);
    world.file('same.png', PICTURE);
    world.file('beep.wav', SOUND);
    const attachments = ['one.png', undefined, 'same.png', 'beep.wav', undefined, 'one.png'];
    const lines = attachments.map((attachment, at) => JSON.stringify({ prompt: `${name} ${at}`, attachment }));
    return world.file(`${name}.jsonl`, `${lines.join('\n')}\n`);
  }

  test('has its answers, attachments among them, with nothing on this machine but the output', async () => {
    const input = mixed('mixed');
    const output = world.path('mixed-results.jsonl');
    const args = ['batch', input, '-o', output, '--storage', server.root('mixed')];
    const { code, stderr } = await world.run(args, { env: server.env });
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
    expect(readResults(output).map(({ output: answer }) => answer)).toEqual([
      expect.stringMatching(/\("mixed 0"\), with image/),
      expect.stringContaining('("mixed 1")'),
      expect.stringMatching(/\("mixed 2"\), with image/),
      expect.stringMatching(/\("mixed 3"\), with (audio|sound)/),
      expect.stringContaining('("mixed 4")'),
      expect.stringMatching(/\("mixed 5"\), with image/),
    ]);
    expect(existsSync(join(world.dataDir, 'runs'))).toBe(false);
    expect(stderr).not.toContain(server.env.AWS_SECRET_ACCESS_KEY);
  });

  test('has its results as an object of a bucket, whole, and looks for the bucket before anything is sent', async () => {
    const input = world.prompts('object', 3);
    const args = ['batch', input, '--id', 'object', '--schema', 'mood', '--flatten', '-o'];
    const refused = await world.run([...args, 's3://nobodys/out/results.csv'], { env: server.env });
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringMatching(/there is no such bucket/)]);
    expect((await world.network.stats()).requests).toBe(0);
    const { code, stderr } = await world.run([...args, 's3://runs/out/results.csv.gz'], { env: server.env });
    expect([code, stderr]).toEqual([0, expect.stringContaining('s3://runs/out/results.csv.gz')]);
    const table = String(gunzipSync(readFileSync(join(server.folder, 'runs/out/results.csv.gz'))));
    expect(table).toMatch(/^id,model,output,mood,error,tokens\r\n1,.*\r\n2,.*\r\n3,.*\r\n$/s);
    rmSync(join(server.folder, 'runs/out'), { recursive: true });
    expect((await world.run(['attach', 'object'], { env: server.env })).code).toBe(0);
    expect(existsSync(join(server.folder, 'runs/out/results.csv.gz'))).toBe(true);
    const own = await world.run(['results', 'object', '-o', `${server.root('own')}/runs/a.csv`], {
      env: { ...server.env, DRIA_TEMPORAL_STORAGE: server.root('own') },
    });
    expect([own.code, own.stderr]).toEqual([2, expect.stringContaining('where runs are kept')]);
  });

  test('sends the same content once, whatever its name and run', async () => {
    const input = mixed('twice');
    const env = { ...server.env, DRIA_TEMPORAL_STORAGE: server.root('twice') };
    expect((await world.run(['batch', input, '-o', world.path('a.jsonl')], { env })).code).toBe(0);
    expect([put('/inputs/').length, put('/attachments/').length]).toEqual([1, 2]);
    server.link.seen.length = 0;
    const other = ['batch', input, '-o', world.path('b.jsonl'), '--max-tokens', '7'];
    expect((await world.run(other, { env })).code).toBe(0);
    expect([put('/inputs/').length, put('/attachments/').length]).toEqual([0, 0]);
    expect(readResults(world.path('b.jsonl'))).toHaveLength(6);
  });

  test('sends a large input in parts, says how far it is, sends a part again that was cut, and none the next time', async () => {
    const line = (at: number) => `${JSON.stringify({ prompt: `parts ${at} ${'x'.repeat(1_000_000)}` })}\n`;
    const input = world.file('parts.jsonl', Array.from({ length: 72 }, (_, at) => line(at)).join(''));
    const args = ['batch', input, '--storage', server.root('parts')];
    server.link.disturb(
      { method: 'PUT', path: 'partNumber=2&', kind: 'cut', times: 1 },
      { method: 'PUT', path: 'partNumber', kind: 'slow', times: 40 },
    );
    const first = world.start(args, { env: server.env });
    await first.said(/storing the input: \d+ of 72 MB/);
    await first.said(/^run /m);
    // 72 MB in parts of 8 MiB, each slow enough for the sending to be talked about, and the one that was cut.
    expect(put('/inputs/').filter((request) => request.includes('partNumber'))).toHaveLength(9 + 1);
    first.signal('SIGKILL');
    await first.ended;
    server.link.disturb();
    server.link.seen.length = 0;
    const second = world.start(args, { env: server.env });
    await second.said(/going on with it/);
    expect(put('/inputs/')).toEqual([]);
    second.signal('SIGKILL');
    await second.ended;
  });

  test('that is left while its input is sent leaves nothing of the upload, and has not begun', async () => {
    const line = (at: number) => `${JSON.stringify({ prompt: `left ${at} ${'x'.repeat(1_000_000)}` })}\n`;
    const input = world.file('left.jsonl', Array.from({ length: 120 }, (_, at) => line(at)).join(''));
    server.link.disturb({ method: 'PUT', path: 'partNumber', kind: 'slow', times: 40 });
    const run = world.start(['batch', input, '--id', 'left', '--storage', server.root('left')], { env: server.env });
    await run.said(/storing the input: \d+ of 120 MB/);
    run.signal('SIGINT');
    const { code, stderr } = await run.ended;
    expect([code, stderr]).toEqual([130, expect.not.stringMatching(/^run |\n\s+at /m)]);
    expect(put('partNumber').length).toBeLessThan(15);
    expect(server.link.seen.filter((request) => /^DELETE .*\/inputs\/.*uploadId=/.test(request))).toHaveLength(1);
    expect(put('/manifest.json')).toEqual([]);
  });

  test('that is killed goes on with the same command, and buys no answer again that had reached the bucket', async () => {
    const input = world.prompts('killed', 400);
    const output = world.path('killed-results.jsonl');
    const args = ['batch', input, '-o', output, '--storage', server.root('killed'), '-c', '4'];
    const first = world.start(args, { env: { ...server.env, DRIA_TEMPORAL_FLUSH_INTERVAL: '0.5' } });
    await world.network.answered(120);
    first.signal('SIGKILL');
    await first.ended;
    const { code, stderr } = await world.run(args, { env: server.env });
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
    const answers = readResults(output).map(({ output: answer }) => answer);
    expect(answers).toEqual(answers.map((_, at) => expect.stringContaining(`("killed ${at + 1}")`)));
    expect(answers).toHaveLength(400);
    // 4 permits: what was in flight, and half a second of answers at 50 ms each.
    const again = [...timesAsked(await world.network.requests()).values()].filter((times) => times > 1).length;
    expect(again).toBeLessThanOrEqual(4 + 4 * 10 + 4);
  });

  test('takes its input from buckets, by address and by pattern, wherever its own storage is', async () => {
    const folder = join(server.folder, 'runs/lake/day=1');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'b.csv'), 'prompt,id\n"second, of two",b\n');
    writeFileSync(join(folder, 'a.jsonl'), '{"prompt":"first"}\n');
    writeFileSync(join(server.folder, 'runs/lake/one.parquet'), readFileSync(PARQUET));
    const output = world.path('lake-results.jsonl');
    const lake = server.root('lake');
    const args = [
      'batch',
      `${lake}/day=*/*`,
      `${lake}/one.parquet`,
      '-o',
      output,
      '-c',
      '50',
      '--id-from',
      '{{file}}:{{row}}',
    ];
    const { code, stderr } = await world.run(args, { env: server.env });
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
    expect(
      readResults(output)
        .map(({ id }) => id)
        .slice(0, 3),
    ).toEqual([`${lake}/day=1/a.jsonl:1`, `${lake}/day=1/b.csv:1`, `${lake}/one.parquet:1`]);
    const missing = await world.run(['batch', `${lake}/none.csv`], { env: server.env });
    expect(missing).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`${lake}/none.csv: there is no such object`),
    });
    const none = await world.run(['batch', `${lake}/*.tsv`], { env: server.env });
    expect(none).toMatchObject({ code: 2, stderr: expect.stringContaining('no object matches it') });
  });

  test.each([
    ['its attachments', 'lost-content', 'attachments'],
    ['what says which item has which', 'lost-index', 'runs/lost-index/manifest/attachments'],
  ])('that was killed and has lost %s has it back with the same command', async (_what, id, lost) => {
    const input = mixed(id);
    const output = world.path(`${id}-results.jsonl`);
    const where = ['-o', output, '--id', id, '--storage', server.root(id)];
    const args = ['batch', input, ...where, '-c', '1', '--heartbeat-timeout', '2'];
    await world.network.slowDown(id);
    const first = world.start(args, { env: server.env });
    await first.said(/^run /m);
    first.signal('SIGKILL');
    await first.ended;
    await world.network.clearRules();
    const kept = join(server.folder, 'runs', id, lost);
    expect(existsSync(kept)).toBe(true);
    rmSync(kept, { recursive: true });
    server.link.seen.length = 0;
    // Its packs are given out again before all is stored: they must not find that it is gone.
    server.link.disturb(
      { method: 'PUT', path: '/attachments', kind: 'slow', times: 9 },
      { method: 'PUT', path: '/offsets', kind: 'slow', times: 1 },
    );
    const { code, stderr } = await world.run(args, { env: server.env });
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
    expect(stderr).toContain('storing it again');
    expect(put('/inputs/')).toEqual([]);
    expect(readResults(output).map(({ output: answer }) => answer)).toEqual([
      expect.stringMatching(/ 0"\), with image/),
      expect.stringContaining(' 1")'),
      expect.stringMatching(/ 2"\), with image/),
      expect.stringMatching(/ 3"\), with (audio|sound)/),
      expect.stringContaining(' 4")'),
      expect.stringMatching(/ 5"\), with image/),
    ]);
  });

  test('goes on when the bucket answers with errors for a while, is slow, or is cut off', async () => {
    const input = world.prompts('disturbed', 60);
    const output = world.path('disturbed-results.jsonl');
    server.link.disturb(
      { method: 'PUT', path: '/segments/', kind: 'status-500', times: 9 },
      { method: 'GET', path: '/offsets', kind: 'cut', times: 2 },
      { method: 'GET', path: '/inputs/', kind: 'status-500', times: 4 },
      { method: 'PUT', path: '/parts/', kind: 'cut', times: 1 },
      { method: 'GET', path: '/results.jsonl', kind: 'cut', times: 1 },
      { method: 'HEAD', path: '/parts/', kind: 'slow', times: 1 },
    );
    const args = ['batch', input, '-o', output, '--storage', server.root('disturbed')];
    const { code, stderr } = await world.run(args, { env: server.env });
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
    expect(server.link.left).toBe(0);
    expect(readResults(output)).toHaveLength(60);
    expect(Math.max(...timesAsked(await world.network.requests()).values())).toBe(1);
  });

  test.each<[string, string, Record<string, string>, RegExp]>([
    ['a bucket that is not there', 's3://nowhere/x', {}, /cannot be used: s3:\/\/nowhere\/x: there is no such bucket/],
    ['a root that is none', 's3:nowhere', {}, /is not of the form s3:\/\/bucket/],
    ['nobody at the endpoint', 's3://runs', { AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:9' }, /connection refused/],
  ])('is refused before anything is spent: %s', async (_name, root, env, words) => {
    const args = ['batch', world.prompts('refused', 2), '--storage', root];
    const { code, stderr } = await world.run(args, { env: { ...server.env, ...env } });
    expect([code === 0, stderr]).toEqual([false, expect.stringMatching(words)]);
    expect(stderr).not.toMatch(/\n\s+at /);
    expect((await world.network.stats()).requests).toBe(0);
  });
});
