import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CliWorld } from '../support/cli.js';
import { refused } from '../support/refused.js';
import { readResults, resultLines } from '../support/result-lines.js';
import { until } from '../support/until.js';

let world: CliWorld;
beforeAll(async () => {
  world = await CliWorld.open({ latency: { kind: 'fixed', ms: 100 } });
  await world.keepServer();
});
beforeEach(() => world.network.reset());
afterAll(() => world.close());

/** Leaves a run in the middle. */
async function leave(name: string, items: number, answers: number, ...flags: string[]): Promise<void> {
  const run = world.start(['batch', world.prompts(name, items), '--id', name, '-c', '4', ...flags]);
  await world.network.answered(answers);
  await world.network.slowDown(name);
  run.signal('SIGINT');
  expect((await run.ended).code).toBe(130);
  await world.network.clearRules();
}

describe('the results of a run', () => {
  test('that has ended come whole, with its exit code, and no server is asked', async () => {
    await world.network.script({ match: { promptIncludes: 'whole 2' }, respond: { status: 422, message: 'no' } });
    const batch = await world.run(['batch', world.prompts('whole', 3), '--id', 'whole']);
    expect(batch.code).toBe(3);
    const env = { TEMPORAL_CLI_PATH: '/nowhere', TEMPORAL_ADDRESS: '127.0.0.1:9' };
    expect(await world.run(['results', 'whole'], { env })).toMatchObject({ code: 3, stdout: batch.stdout, stderr: '' });
    const output = world.path('whole-again.jsonl');
    expect((await world.run(['results', 'whole', '-o', output])).code).toBe(3);
    expect(readResults(output)).toEqual(resultLines(batch.stdout));
  });

  test('that was left come with --partial, in the order of the input', async () => {
    await leave('left', 60, 20);
    const refusal = await world.run(['results', 'left']);
    expect([refusal.code, refusal.stderr]).toEqual([1, expect.stringMatching(/has not ended.*\n.*--partial/)]);
    const { code, stdout } = await world.run(['results', 'left', '--partial']);
    const ids = resultLines(stdout).map(({ id }) => Number(id));
    expect(code).toBe(0);
    expect(ids.length).toBeGreaterThanOrEqual(20);
    expect(ids.length).toBeLessThan(60);
    expect(ids).toEqual([...ids].sort((a, b) => a - b));
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('of an unfinished run come with --partial, as far as they are written', async () => {
    const run = world.start(['batch', world.prompts('partial', 60), '--id', 'partial', '-c', '4']);
    await world.network.answered(10);
    await world.network.slowDown('partial');
    await until('some answers are written', async () => {
      return (await world.run(['results', 'partial', '--partial'])).stdout !== '';
    });
    expect(run.isRunning).toBe(true);
    await world.network.clearRules();
    expect((await run.ended).code).toBe(0);
    const partial = await world.run(['results', 'partial', '--partial']);
    expect(resultLines(partial.stdout)).toHaveLength(60);
  });

  test('come with --since-last as they are written, each once over all calls, and with --follow until the run has ended', async () => {
    await world.network.script({ match: { promptIncludes: 'fed 7' }, respond: { status: 422, message: 'no' } });
    const run = world.start(['batch', world.prompts('fed', 60), '--id', 'fed', '-c', '4']);
    await world.network.answered(10);
    await world.network.slowDown('fed');
    let lines = '';
    await until('some lines are written', async () => {
      lines += (await world.run(['results', 'fed', '--since-last'])).stdout;
      return lines !== '';
    });
    const following = world.start(['results', 'fed', '--since-last', '--follow']);
    await world.network.clearRules();
    const [{ code }, followed] = await Promise.all([run.ended, following.ended]);
    expect([followed.code, followed.stderr]).toEqual([code, expect.stringMatching(/: 60 of 60 items are out\n$/)]);
    const ids = resultLines(lines + followed.stdout).map(({ id }) => Number(id));
    expect(ids.sort((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, index) => index + 1));
  });

  test('of nobody are refused', async () => {
    expect(await refused(world, ['results', 'nobody'])).toMatch(/there is no run nobody/);
  });
});

describe('the same --id and input', () => {
  test('with options that lead to other answers is refused, during the run and after it', async () => {
    await leave('same', 30, 5, '--temperature', '0.2');
    const other = ['batch', world.path('same.jsonl'), '--id', 'same', '-c', '4'];
    const words = /started with other options: --temperature 0.2, not 0.7\nGive .* or another --id/;
    const during = await world.run(other);
    expect([during.code, during.stderr]).toEqual([2, expect.stringMatching(words)]);
    expect((await world.run([...other, '--temperature', '0.2'])).code).toBe(0);
    const after = await world.run([...other, '--temperature', '0.2', '--schema', 'mood']);
    expect([after.code, after.stderr]).toEqual([2, expect.stringMatching(/--schema none, not schema [0-9a-f]{12}/)]);
    expect((await world.network.stats()).requests).toBe(30);
  });

  test('at another pace goes on, and says that the run keeps its own', async () => {
    await leave('pace', 30, 5);
    const again = await world.run(['batch', world.path('pace.jsonl'), '--id', 'pace', '-c', '9', '--retries', '1']);
    expect(again.code, again.stderr).toBe(0);
    expect(again.stderr).toContain(
      'it keeps the options that it was started with: --concurrency 4, not 9, --retries 3, not 1',
    );
  });
});

test('the same command with another format is the same run, and `attach` writes what the first one asked for', async () => {
  const [csv, parquet] = [world.path('table.csv'), world.path('table.parquet')];
  const args = ['batch', world.prompts('table', 3), '--schema', 'mood,score:number', '--id', 'table'];
  expect((await world.run([...args, '-o', csv, '--flatten'])).code).toBe(0);
  const written = readFileSync(csv, 'utf8');
  expect(written).toMatch(/^id,model,output,mood,score,error,tokens\r\n1,.*\r\n2,.*\r\n3,.*\r\n$/s);
  const { requests } = await world.network.stats();
  expect(await world.run([...args, '-o', parquet])).toMatchObject({ code: 0, stdout: '' });
  expect(readFileSync(parquet, 'latin1')).toMatch(/^PAR1.*PAR1$/s);
  rmSync(csv);
  expect((await world.run(['attach', 'table'])).code).toBe(0);
  expect(readFileSync(csv, 'utf8')).toBe(written);
  expect((await world.network.stats()).requests).toBe(requests);
  // Older results may be replaced by name of the run alone, and nothing else: anybody may have noted the name.
  expect((await world.run(['attach', 'table'])).code).toBe(0);
  writeFileSync(csv, 'alias ls=rm\n');
  const other = await world.run(['attach', 'table']);
  expect(other).toMatchObject({
    code: 2,
    stderr: expect.stringContaining(`the run's own output ${csv} is there and holds no results`),
  });
  expect(readFileSync(csv, 'utf8')).toBe('alias ls=rm\n');
});
