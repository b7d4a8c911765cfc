import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { API_KEY, CliWorld } from '../support/cli.js';
import { refused } from '../support/refused.js';
import { readResults } from '../support/result-lines.js';

let world: CliWorld;
beforeAll(async () => {
  const models = [
    { id: 'one', nodes: 3, modality: 'text' },
    { id: 'two', nodes: 1, modality: 'text' },
  ];
  world = await CliWorld.open({ latency: { kind: 'fixed', ms: 100 }, models });
  await world.keepServer();
});
beforeEach(() => world.network.reset());
afterAll(() => world.close());

const blockSchema = z.object({
  ids: z.array(z.union([z.string(), z.number()])),
  names: z.array(z.string()),
  models: z.array(z.number()),
  failures: z.array(z.tuple([z.number(), z.number().nullable(), z.array(z.number())])),
  texts: z.array(z.string()),
  prompts: z.array(z.string().nullable()),
  at: z.array(z.number().nullable()),
  ms: z.array(z.number().nullable()),
});

/** The rows that a page holds, as a reader of the file finds them. */
function rowsOf(page: string) {
  const blocks = page.matchAll(/<script type="application\/gzip" class="rows">([A-Za-z0-9+/=]*)<\/script>/g);
  return Array.from(blocks).flatMap(([, base64 = '']) => {
    const block = blockSchema.parse(JSON.parse(gunzipSync(Buffer.from(base64, 'base64')).toString('utf8')));
    const failures = new Map(
      block.failures.map(([row, attempts, tried]) => [
        row,
        { attempts, tried: tried.map((name) => block.names[name]) },
      ]),
    );
    return block.ids.map((id, row) => ({
      id,
      model: block.names[block.models[row] ?? -1] ?? null,
      text: block.texts[row],
      prompt: block.prompts[row],
      failure: failures.get(row),
      isTimed: block.at[row] !== null && (block.ms[row] ?? 0) > 50,
    }));
  });
}

describe('the report of a run', () => {
  test('that has ended holds what the results hold, and no server is asked', async () => {
    await world.network.script(
      { match: { promptIncludes: 'ended 2' }, respond: { status: 422, message: '</script><b>no</b>' } },
      { match: { promptIncludes: 'ended 3' }, respond: { status: 500 } },
    );
    const [results, page] = [world.path('ended-results.jsonl'), world.path('ended.html')];
    const input = world.prompts('ended', 20);
    const batch = await world.run(['batch', input, '--id', 'ended', '--retries', '1', '-o', results]);
    expect(batch.code, batch.stderr).toBe(3);
    const env = { TEMPORAL_CLI_PATH: '/nowhere', TEMPORAL_ADDRESS: '127.0.0.1:9' };
    const report = await world.run(['report', 'ended', '-o', page], { env });
    expect(report).toMatchObject({
      code: 0,
      stdout: '',
      stderr: expect.stringMatching(/ended\.html: [\d.]+ kB, 20 rows\n$/),
    });
    const html = readFileSync(page, 'utf8');
    const lines = readResults(results);
    expect(rowsOf(html).map(({ id, model, text }) => ({ id, model, text }))).toEqual(
      lines.map(({ id, model, output, error }) => ({ id, model, text: error ?? output })),
    );
    const failed = lines.filter(({ error }) => error !== undefined).length;
    expect(failed).toBe(3);
    expect(html).toContain(`20 items = ${20 - failed} answered + ${failed} failed.`);
    const rows = rowsOf(html);
    expect(rows.map(({ prompt }) => prompt)).toEqual(Array.from({ length: 20 }, (_, index) => `ended ${index + 1}`));
    expect(rows.map(({ isTimed }) => isTimed)).toEqual(rows.map(({ failure }) => failure === undefined));
    expect(rows[2]?.failure).toEqual({ attempts: 2, tried: [rows[2]?.model] });
    expect(html).not.toContain('<b>no</b>');
    expect(html).not.toContain(API_KEY);
    expect(html).not.toContain(world.network.url);
  });

  test('that was left says that it is partial, and holds the answers so far', async () => {
    const run = world.start(['batch', world.prompts('left', 60), '--id', 'left', '-c', '4']);
    await world.network.answered(20);
    await world.network.slowDown('left');
    run.signal('SIGINT');
    expect((await run.ended).code).toBe(130);
    const { code, stdout, stderr } = await world.run(['report', 'left']);
    expect([code, stderr]).toEqual([
      0,
      expect.stringMatching(/^standard output: .* rows; partial: the run has not ended, or not well\n$/),
    ]);
    const rows = rowsOf(stdout);
    expect(stdout).toContain('This report is partial.');
    expect(stdout).toContain(`60 items = ${rows.length} answered + 0 failed + ${60 - rows.length} not finished.`);
    expect(rows.length).toBeGreaterThanOrEqual(20);
    expect(rows.length).toBeLessThan(60);
    for (const { id, prompt, isTimed } of rows) expect([prompt, isTimed]).toEqual([`left ${id}`, true]);
  });

  test('that was cancelled says so, and holds the errors that were known as well', async () => {
    await world.network.script({ match: { promptIncludes: 'gone 3' }, respond: { status: 422 } });
    const run = world.start(['batch', world.prompts('gone', 60), '--id', 'gone', '-c', '4', '--pack', '1']);
    await world.network.answered(20);
    await world.network.slowDown('gone');
    expect((await world.run(['cancel', 'gone'])).code).toBe(0);
    expect((await run.ended).code).toBe(1);
    const { code, stdout, stderr } = await world.run(['report', 'gone']);
    expect([code, stderr]).toEqual([0, expect.stringContaining('partial: the run was cancelled\n')]);
    const rows = rowsOf(stdout);
    const failed = rows.filter(({ failure }) => failure !== undefined);
    expect(failed).toContainEqual(expect.objectContaining({ id: 3, prompt: 'gone 3' }));
    const answered = rows.length - failed.length;
    const left = 60 - rows.length;
    expect(left).toBeGreaterThan(0);
    expect(stdout).toContain(`60 items = ${answered} answered + ${failed.length} failed + ${left} cancelled.`);
  });

  test('can hold a sample of the rows, with every failed one', async () => {
    const lines = Array.from({ length: 30 }, (_, index) =>
      JSON.stringify(index === 7 ? { promt: 'x' } : { prompt: `p ${index}` }),
    );
    const input = world.file('sample.jsonl', lines.join('\n'));
    expect((await world.run(['batch', input, '--id', 'sample', '--skip-invalid'])).code).toBe(3);
    const { code, stdout, stderr } = await world.run(['report', 'sample', '--rows', '5', '-o', '-']);
    expect([code, stderr]).toEqual([0, expect.stringContaining('a sample of 5 of 30 rows\n')]);
    expect(rowsOf(stdout).filter(({ failure }) => failure !== undefined)).toMatchObject([
      { id: 8, prompt: null, model: null },
    ]);
    expect(rowsOf(stdout)).toHaveLength(5);
    expect(stdout).toContain('30 items = 29 answered + 0 failed + 1 skipped.');
    expect(stdout).not.toContain('The counts differ.');
    expect(stdout).toContain('all of 1 failed and 4 of 29 answered ones');
  });

  test('of nobody, into no folder, or with too few rows is refused', async () => {
    expect(await refused(world, ['report', 'nobody', '-o', world.path('nobody.html')])).toMatch(
      /there is no run nobody/,
    );
    expect(await refused(world, ['report', 'nobody', '-o', world.path('no/where.html')])).toMatch(
      /folder .* does not exist/,
    );
    expect(await refused(world, ['report', 'nobody', '--rows', '0'])).toMatch(/--rows: /);
  });
});
