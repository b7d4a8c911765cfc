import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, inject, it, onTestFinished, test } from 'vitest';
import { World } from '../support/batch-world.js';
import { type CommandResult, command } from '../support/command.js';
import { resultLines } from '../support/result-lines.js';
import { until } from '../support/until.js';

/** A command against the shared server, for a world's workers, endpoint and storage. */
function schedule(world: World, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<CommandResult> {
  const place = ['--address', inject('temporalAddress'), '--storage', world.root];
  return command(['schedule', ...args, ...place], { DRIA_BASE_URL: world.baseUrl, ...env });
}

function created(world: World, id: string, args: readonly string[]): Promise<CommandResult> {
  onTestFinished(async () => {
    await schedule(world, ['delete', id]);
  });
  const queue = ['--task-queue', world.taskQueue];
  return schedule(world, ['create', id, '--cron', '0 2 1 1 *', ...queue, ...args]);
}

function write(world: World, key: string, prompts: readonly string[]): void {
  const path = join(world.root, key);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, prompts.map((prompt) => `${JSON.stringify({ prompt })}\n`).join(''));
}

async function described(world: World, id: string) {
  const { code, stdout, stderr } = await schedule(world, ['describe', id, '--json']);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout);
}

it('starts a run with the input and the output of the day that it was scheduled for', async () => {
  const world = await World.open();
  const id = `nightly-${world.taskQueue}`;
  write(world, 'in/2026-03-02/p.jsonl', ['a', 'b']);
  writeFileSync(join(world.root, 'in/2026-03-02/q.csv'), 'prompt;lang\nc;en\n');
  const made = await created(world, id, [
    ...['--input', join(world.root, 'in/{{date}}/*'), '-o', 'out/{{date}}-{{time}}.csv', '--flatten'],
    ...['--delimiter', ';'],
    ...['--schema', 'mood,score:number'],
    ...['--time-zone', 'Asia/Kolkata', '--model', 'qwen3.5:9b', '--concurrency', '2', '--weight', '2.5'],
    ...['--reuse', 'last'],
  ]);
  expect(made.code, made.stderr).toBe(0);
  expect(made.stderr).toContain(`on workers of the task queue ${world.taskQueue} with the storage ${world.root}`);

  // A time that has passed: 20:30 UTC is two in the night of the next day there.
  const at = new Date('2026-03-01T20:30:00Z');
  const handle = world.client.schedule.getHandle(id);
  await handle.update(({ spec, ...schedule }) => ({
    ...schedule,
    spec: { ...spec, calendars: [], cronExpressions: ['0 2 2 3 *'] },
  }));
  await handle.backfill({
    start: new Date(at.getTime() - 1000),
    end: new Date(at.getTime() + 1000),
    overlap: 'ALLOW_ALL',
  });
  const runId = `${id}-2026-03-01T20:30:00Z`;
  await until('the run is started', async () => (await world.batches.handle(runId).describe()) !== undefined);
  const run = world.batches.handle(runId);
  expect(await run.result()).toMatchObject({ runId, items: 3, ok: 3 });
  const rows = world.text('out/2026-03-02-02-00-00.csv').split('\r\n');
  expect([rows[0], rows.length]).toEqual(['id,model,output,mood,score,error,tokens', 1 + 3 + 1]);
  expect(await run.describe()).toMatchObject({ weight: 2.5, memo: { input: 'in/{{date}}/*' } });
  // What was started again later would have another day in its names.
  expect(await run.input()).toMatchObject({ reuse: 'last', origin: 'in/{{date}}/*' });
  // The night after costs what has changed.
  write(world, 'in/2026-03-03/p.jsonl', ['a', 'x', 'c']);
  await handle.update(({ spec, ...schedule }) => ({
    ...schedule,
    spec: { ...spec, calendars: [], cronExpressions: ['0 2 3 3 *'] },
  }));
  const night = 24 * 3_600_000;
  await handle.backfill({
    start: new Date(at.getTime() + night - 1000),
    end: new Date(at.getTime() + night + 1000),
    overlap: 'ALLOW_ALL',
  });
  const next = world.batches.handle(`${id}-2026-03-02T20:30:00Z`);
  await until('the next run is started', async () => (await next.describe()) !== undefined);
  expect(await next.result()).toMatchObject({ ok: 3, reused: 2, requests: 1 });
  expect(await run.input()).toMatchObject({ input: 'in/2026-03-02/*', output: 'out/2026-03-02-02-00-00.csv' });
});

it('is listed, described, paused, triggered and removed, and another schedule is left alone', async () => {
  const world = await World.open();
  const id = `listed-${world.taskQueue}`;
  write(world, 'p.jsonl', ['a']);
  const output = join(mkdtempSync(join(tmpdir(), 'dria-temporal-output-')), 'new/latest.jsonl');
  onTestFinished(() => rmSync(dirname(dirname(output)), { recursive: true }));
  expect((await created(world, id, ['--input', 'p.jsonl', '-o', output])).code).toBe(0);
  const twice = await created(world, id, ['--input', 'p.jsonl']);
  expect([twice.code, twice.stderr]).toEqual([2, expect.stringContaining(`there is a schedule ${id} already`)]);

  expect(await described(world, id)).toMatchObject({
    id,
    paused: false,
    cron: ['0 2 1 1 *'],
    input: { output },
    recent: [],
  });
  expect((await schedule(world, ['pause', id])).code).toBe(0);
  expect(await described(world, id)).toMatchObject({ paused: true, note: 'by dria-temporal' });
  expect((await schedule(world, ['unpause', id])).code).toBe(0);
  await until('the list has it', async () => (await schedule(world, ['list'])).stdout.includes(`${id}  active`));

  expect((await schedule(world, ['trigger', id])).code).toBe(0);
  await until('it has started a run', async () => (await described(world, id)).recent.length === 1);
  const [runId] = (await described(world, id)).recent;
  expect(runId).toMatch(/^listed-.*-20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  await world.batches.handle(runId).result();
  expect(resultLines(readFileSync(output, 'utf8'))).toHaveLength(1);
  expect(readdirSync(dirname(output))).toEqual(['latest.jsonl']);
  expect((await schedule(world, ['describe', id])).stdout).toMatch(/Times +0 2 1 1 \* \(UTC\)\n +Input +p\.jsonl\n/);

  expect((await schedule(world, ['delete', id])).code).toBe(0);
  expect(await schedule(world, ['describe', id])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('no schedule'),
  });
  const other = `other-${world.taskQueue}`;
  await world.client.schedule.create({
    scheduleId: other,
    spec: { intervals: [{ every: '365d' }] },
    action: { type: 'startWorkflow', workflowType: 'somethingElse', taskQueue: world.taskQueue, args: [] },
  });
  onTestFinished(() => world.client.schedule.getHandle(other).delete());
  expect((await schedule(world, ['delete', other])).stderr).toContain(`there is no schedule of runs ${other}`);
  expect((await schedule(world, ['list'])).stdout).not.toContain(other);
});

it('fails before anything is asked if the input of the day is not there, or the zone is none', async () => {
  const world = await World.open();
  const missing = await world.start(join(world.root, '{{date}}.jsonl'), {});
  await expect(missing.result()).rejects.toThrow();
  const nowhere = await world.start(join(world.root, '{{date}}.jsonl'), { timeZone: 'Mars/Olympus' });
  await expect(nowhere.result()).rejects.toThrow();
  expect((await world.stats()).requests).toBe(0);
});

describe('schedule create refuses', () => {
  const INPUT = ['--input', 'p.jsonl'];
  test.each<[string, string[], RegExp]>([
    ['times that cannot be', ['--cron', 'every night', ...INPUT], /--cron: CronString does not have 5-7 fields/],
    ['a time zone', ['--cron', '0 2 * * *', '--time-zone', 'Mars/Olympus', ...INPUT], /--time-zone: there is no Mars/],
    [
      'a pattern as output',
      ['--cron', '0 2 * * *', ...INPUT, '-o', 'out/*.jsonl'],
      /--output out\/\*\.jsonl: give one/,
    ],
    ['standard input', ['--cron', '0 2 * * *', '--input', '-'], /--input -: a schedule has no standard input/],
    [
      'another bucket as output',
      ['--cron', '0 2 * * *', ...INPUT, '-o', 's3://b/p.jsonl'],
      /--output s3:\/\/b\/p.jsonl: workers read only/,
    ],
    [
      'an unknown place in a bucket',
      ['--cron', '0 2 * * *', '--input', 's3://b/{{day}}/*.csv'],
      /nothing fills {{day}}; there are {{date}} and/,
    ],
    ['a delimiter', ['--cron', '0 2 * * *', ...INPUT, '--delimiter', '::'], /--delimiter: one character/],
    [
      'an unknown place',
      ['--cron', '0 2 * * *', '--input', '{{day}}'],
      /nothing fills {{day}}; there are {{date}} and/,
    ],
    ['a key outside', ['--cron', '0 2 * * *', '--input', '../p.jsonl'], /--input ..\/p.jsonl: it leaves the storage/],
    ['an output of runs', ['--cron', '0 2 * * *', ...INPUT, '-o', 'runs/x.jsonl'], /--output runs\/x.jsonl: it names/],
    ['a weight', ['--cron', '0 2 * * *', ...INPUT, '--weight', '0'], /--weight: a number from 0.001 to 1000/],
    ['no times', INPUT, /required option '--cron <times>' not specified/],
  ])('%s', async (_name, args, words) => {
    const world = await World.open({ noWorker: true });
    const { code, stderr } = await schedule(world, ['create', 'refused', ...args]);
    expect([code, stderr]).toEqual([2, expect.stringMatching(words)]);
  });

  it('the embedded server', async () => {
    const home = '/nonexistent/dria';
    const refused = await command(['schedule', 'create', 'x', '--cron', '0 2 * * *', '--input', 'p.jsonl'], {
      DRIA_TEMPORAL_HOME: home,
    });
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('a schedule needs a Temporal server')]);
    expect(existsSync(home)).toBe(false);
  });
});
