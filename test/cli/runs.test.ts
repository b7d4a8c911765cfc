import { existsSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { CliWorld } from '../support/cli.js';
import { until } from '../support/until.js';

const rowSchema = z.strictObject({
  id: z.string(),
  state: z.string(),
  pausedBy: z.string().optional(),
  items: z.number().optional(),
  ok: z.number().optional(),
  failed: z.number().optional(),
  skipped: z.number().optional(),
  startedAt: z.number(),
  endedAt: z.number().optional(),
  input: z.string().optional(),
});

let world: CliWorld;
let address: string;
beforeAll(async () => {
  world = await CliWorld.open({ latency: { kind: 'fixed', ms: 100 } });
  address = await world.keepServer();
  await world.network.script(
    { match: { promptIncludes: 'good 2' }, respond: { status: 422 } },
    { match: { promptIncludes: 'denied' }, respond: { status: 401 } },
  );
  // One after another: the list has the last to end first.
  await world.run(['batch', world.prompts('good', 3), '--id', 'good']);
  await world.run(['batch', world.prompts('denied', 3), '--id', 'denied']);
  const left = world.start(['batch', world.prompts('left', 300), '--id', 'left', '-c', '2']);
  const ended = world.start(['batch', world.prompts('ended', 300), '--id', 'ended', '-c', '2']);
  for (const id of ['left', 'ended'])
    await until(`${id} has an answer`, async () =>
      (await world.network.requestsOf(`${id} `)).some(({ answered }) => answered),
    );
  expect((await world.run(['cancel', 'ended'])).code).toBe(0);
  await ended.ended;
  left.signal('SIGINT');
  await left.ended;
  for (const id of ['live', 'held'])
    world.start(['batch', world.prompts(id, 2000), '--id', id, '-c', '2', '--on-pause', 'wait']);
  await until('the live run has answers', async () => (await list('--state', 'running')).some(({ ok = 0 }) => ok > 0));
  await until('the held run can be paused', async () => (await world.run(['pause', 'held'])).code === 0);
});
afterAll(() => world.close());

async function list(...flags: string[]): Promise<z.output<typeof rowSchema>[]> {
  const { code, stdout, stderr } = await world.run(['runs', '--json', ...flags]);
  expect(code, stderr).toBe(0);
  const lines = stdout.split('\n').slice(0, -1);
  return lines.map((line) => rowSchema.parse(JSON.parse(line)));
}

async function ids(...flags: string[]): Promise<string[]> {
  return (await list(...flags)).map(({ id }) => id);
}

describe('runs', () => {
  test('has each with its state and its counts, unfinished ones first', async () => {
    let rows: z.output<typeof rowSchema>[] = [];
    // On a busy machine the two that have workers may need longer to answer than a list waits for each.
    await until('the runs with workers have answered', async () => {
      rows = await list();
      return !rows.some(({ id, state }) => ['live', 'held'].includes(id) && state === 'no-worker');
    });
    expect(
      rows
        .map(({ id }) => id)
        .slice(0, 3)
        .sort(),
    ).toEqual(['held', 'left', 'live']);
    expect(rows.map(({ id }) => id).slice(3)).toEqual(['ended', 'denied', 'good']);
    const byId = new Map(rows.map((row) => [row.id, row]));
    expect(byId.get('live')).toMatchObject({
      state: 'running',
      items: 2000,
      failed: 0,
      input: world.path('live.jsonl'),
    });
    expect(byId.get('live')?.ok).toBeGreaterThan(0);
    expect(byId.get('held')).toMatchObject({ state: 'paused', pausedBy: 'operator', items: 2000 });
    expect(byId.get('left')).toMatchObject({ state: 'no-worker', items: 300 });
    expect(byId.get('ended')).toMatchObject({ state: 'cancelled', items: 300 });
    expect(byId.get('denied')).toMatchObject({ state: 'failed', items: 3 });
    expect(byId.get('good')).toMatchObject({ state: 'completed', items: 3, ok: 2, failed: 1 });
    // A run that was cancelled has noted its counts; what nobody can tell is not told as 0.
    expect(byId.get('ended')?.ok).toBeGreaterThan(0);
    expect(byId.get('left')?.ok).toBeUndefined();
  });

  test('is a table within 80 columns', async () => {
    const { stdout, stderr } = await world.run(['runs']);
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^left +no worker +300 +- +- +\d\d-\d\d .* -$/m);
    expect(stdout).toMatch(/^good +completed +3 +2 +1 +\d\d-\d\d /m);
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
  });

  test('is filtered by state, by the name of the input and by time', async () => {
    // At once: each waits for 2 s for the run that nobody works on.
    const filtered = await Promise.all([
      ids('--state', 'paused'),
      ids('--state', 'running', '--state', 'no-worker'),
      ids('--state', 'failed,cancelled'),
      ids('--input', 'OOD.json'),
      ids('--input', 'elsewhere'),
      ids('--since', '1h', '--state', 'completed'),
      ids('--since', '2999-01-01'),
    ]);
    expect(filtered).toEqual([
      ['held'],
      expect.arrayContaining(['live', 'left']),
      ['ended', 'denied'],
      ['good'],
      [],
      ['good'],
      [],
    ]);
  });

  test('tells of invalid lines where there are any', async () => {
    const input = world.file('skipped.jsonl', '{"prompt":"a"}\n{}\n');
    await world.run(['batch', input, '--id', 'skipped', '--skip-invalid']);
    const [{ stdout }, paused] = await Promise.all([
      world.run(['runs', '--input', 'skipped']),
      world.run(['runs', '--state', 'paused']),
    ]);
    expect(stdout).toMatch(/^RUN .* FAILED +SKIPPED /);
    expect(stdout).toMatch(/^skipped +completed +2 +1 +0 +1 /m);
    expect(paused.stdout).not.toContain('SKIPPED');
  });

  test('is cut at --limit, and says so', async () => {
    const [some, filtered, all] = await Promise.all([
      world.run(['runs', '--json', '--limit', '2']),
      world.run(['runs', '--state', 'completed', '--limit', '2']),
      ids('--all'),
    ]);
    expect(some.stdout.split('\n').slice(0, -1)).toHaveLength(2);
    expect(some.stderr).toBe('there are more than 2: --limit shows further ones, --all every one\n');
    expect(filtered.stderr).toBe('');
    expect(all).toHaveLength(7);
  });

  test.each([
    [['--state', 'done'], /--state done: there are/],
    [['--since', 'monday'], /--since monday: /],
    [['--limit', '0'], /--limit: /],
    [['--limit', 'many'], /not a number/],
  ])('refuses %j, and starts no server', async (flags, words) => {
    const env = { DRIA_TEMPORAL_HOME: world.path('untouched') };
    const { code, stdout, stderr } = await world.run(['runs', ...flags], { env });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(words);
    expect(existsSync(env.DRIA_TEMPORAL_HOME)).toBe(false);
  });

  test('has a run that began anew under its id once, by its newest execution', async () => {
    expect((await world.run(['batch', world.prompts('again', 200), '--id', 'again', '-c', '50'])).code).toBe(0);
    rmSync(`${world.dataDir}/runs/again`, { recursive: true });
    const second = world.start(['batch', world.path('again.jsonl'), '--id', 'again', '-c', '1']);
    await until('it runs again', async () => (await ids('--state', 'running')).includes('again'));
    const [all, completed] = await Promise.all([ids(), ids('--state', 'completed')]);
    expect(all.filter((id) => id === 'again')).toHaveLength(1);
    expect(completed).toEqual(['skipped', 'good']);
    second.signal('SIGINT');
    await second.ended;
  });

  test('asks a cluster as well, from where nothing is stored', async () => {
    const env = { DRIA_TEMPORAL_HOME: world.path('elsewhere') };
    const { code, stdout, stderr } = await world.run(
      ['runs', '--address', address, '--json', '--state', 'completed,failed'],
      { env },
    );
    expect(code, stderr).toBe(0);
    const rows = stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => rowSchema.parse(JSON.parse(line)));
    expect(rows).toMatchObject([
      { id: 'skipped', state: 'completed', ok: 1, skipped: 1 },
      { id: 'denied', state: 'failed', items: 3 },
      { id: 'good', state: 'completed', ok: 2, failed: 1 },
    ]);
  });
});
