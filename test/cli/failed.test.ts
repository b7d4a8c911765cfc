import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { CliWorld } from '../support/cli.js';
import { refused } from '../support/refused.js';
import { readResults, resultLines } from '../support/result-lines.js';
import { S3Server, s3Program } from '../support/s3-server.js';
import { until } from '../support/until.js';

const PICTURE = readFileSync(new URL('../../examples/media/circle.png', import.meta.url));

const itemSchema = z.strictObject({
  id: z.union([z.string(), z.number()]),
  prompt: z.string(),
  attachment: z.string().optional(),
  error: z.string(),
});

/** The lines of an input of failed items. */
function failedItems(text: string): z.output<typeof itemSchema>[] {
  const lines = text.split('\n').slice(0, -1);
  return lines.map((line) => itemSchema.parse(JSON.parse(line)));
}

let world: CliWorld;
beforeAll(async () => {
  world = await CliWorld.open({ latency: { kind: 'fixed', ms: 20 } });
  await world.keepServer();
  for (const folder of ['in', 'in/media', 'out', 'else']) mkdirSync(world.path(folder));
  for (const file of ['in/media/one.png', 'in/two.png', 'else/three.png']) world.file(file, PICTURE);
});
beforeEach(async () => {
  await world.network.clearRules();
  await world.network.reset();
});
afterAll(() => world.close());

/** Every model refuses prompts that have it, until the rules are cleared. */
function refusing(promptIncludes: string): object {
  return { match: { promptIncludes }, respond: { status: 422, message: 'no' } };
}

/** An input with and without ids, attachments and an invalid line; three items fail. */
function mixed(name: string): string {
  const lines = [
    '{"prompt":"right 1"}',
    '{"prompt":"wrong 2"}',
    '{"prompt":"wrong 3","id":"mine","attachment":"media/one.png"}',
    '{"prompt":"broken"',
    '',
    '{"prompt":"right 6","attachment":"two.png"}',
    `{"prompt":"wrong 7","attachment":"${world.path('else/three.png')}"}`,
  ];
  return world.file(`in/${name}.jsonl`, `${lines.join('\n')}\n`);
}

describe('the failed items of a run', () => {
  test('are an input that runs as it is beside the first one', async () => {
    await world.network.script(refusing('wrong'));
    const roots = ['--attachments-root', world.path('else')];
    const first = await world.run(['batch', mixed('beside'), '--id', 'beside', '--skip-invalid', ...roots]);
    expect(first.code, first.stderr).toBe(3);
    const output = world.path('in/beside-failed.jsonl');
    const { code, stderr } = await world.run(['results', 'beside', '--failed', '-o', output]);
    const command = ['batch', output, ...roots];
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr:
        `3 items to run again: dria-temporal ${command.join(' ')}\n` +
        '1 item left out: their input lines are invalid and cannot be run\n',
    });
    const error = expect.stringMatching(/^422: no/);
    expect(failedItems(readFileSync(output, 'utf8'))).toEqual([
      { id: 2, prompt: 'wrong 2', error },
      { id: 'mine', prompt: 'wrong 3', attachment: 'media/one.png', error },
      { id: 7, prompt: 'wrong 7', attachment: world.path('else/three.png'), error },
    ]);
    await world.network.clearRules();
    const again = await world.run(command);
    expect(again.code, again.stderr).toBe(0);
    expect(resultLines(again.stdout).map(({ id }) => id)).toEqual([2, 'mine', 7]);
  });

  test('find their attachments from another folder, and say which folder to allow', async () => {
    await world.network.script(refusing('wrong'));
    const roots = ['--attachments-root', world.path('else')];
    const input = mixed('moved');
    expect((await world.run(['batch', input, '--id', 'moved', '--skip-invalid', ...roots])).code).toBe(3);
    const above = world.path('moved-failed.jsonl');
    const inside = await world.run(['results', 'moved', '--failed', '-o', above]);
    expect(inside.stderr).toContain(`3 items to run again: dria-temporal batch ${above}\n`);
    expect(failedItems(readFileSync(above, 'utf8')).map(({ attachment }) => attachment)).toEqual([
      undefined,
      'in/media/one.png',
      world.path('else/three.png'),
    ]);
    const beside = world.path('out/failed.jsonl');
    const { stderr } = await world.run(['results', 'moved', '--failed', '-o', beside]);
    const allowed = ['--attachments-root', world.path('in'), ...roots];
    expect(stderr).toContain(`dria-temporal batch ${beside} ${allowed.join(' ')}\n`);
    expect(await refused(world, ['batch', beside])).toContain('allow its folder with --attachments-root');
    await world.network.clearRules();
    for (const command of [
      ['batch', above],
      ['batch', beside, ...allowed],
    ]) {
      const again = await world.run(command);
      expect(again.code, again.stderr).toBe(0);
    }
  });

  test('come through a pipe', async () => {
    await world.network.script(refusing('piped'));
    await world.run(['batch', world.file('in/wrong.jsonl', '{"prompt":"piped","id":"w"}'), '--id', 'piped']);
    const { stdout, stderr } = await world.run(['results', 'piped', '--failed']);
    expect(stderr).toBe('1 item to run again: dria-temporal batch -\n');
    await world.network.clearRules();
    const again = await world.run(['batch', '-'], { stdin: stdout });
    expect([again.code, resultLines(again.stdout)]).toMatchObject([0, [{ id: 'w' }]]);
  });

  test('are an empty file when nothing failed', async () => {
    await world.run(['batch', world.prompts('good', 3), '--id', 'good']);
    const output = world.path('nothing.jsonl');
    const { code, stderr } = await world.run(['results', 'good', '--failed', '-o', output]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: 'no items to run again\n' });
    expect(readFileSync(output, 'utf8')).toBe('');
  });

  test('of an unfinished run are all that have failed so far, those of chunks that are not finished too', async () => {
    await world.network.script(
      { match: { promptIncludes: 'long 7"' }, respond: { status: 422, message: 'no' } },
      { match: { promptIncludes: 'long 9"' }, respond: { status: 422, message: 'no' } },
      { match: { promptIncludes: 'long 505' }, respond: { status: 422, message: 'no' } },
      { match: { promptIncludes: 'long 510' }, respond: { status: 422, delayMs: 60_000 } },
    );
    const lines = Array.from({ length: 520 }, (_, index) => JSON.stringify({ prompt: `"long ${index + 1}"` }));
    const run = world.start(['batch', world.file('long.jsonl', lines.join('\n')), '--id', 'long', '-c', '12']);
    const failed = () => world.run(['results', 'long', '--failed']);
    await world.network.answered(500);
    await until('three items have failed', async () => failedItems((await failed()).stdout).length === 3);
    const { code, stdout, stderr } = await failed();
    expect(code).toBe(0);
    expect(stderr).toMatch(/1 of \d chunks are not finished: more may fail in them/);
    expect(failedItems(stdout).map(({ id }) => id)).toEqual([7, 9, 505]);
    expect(run.isRunning).toBe(true);
    run.signal('SIGINT');
    await run.ended;
  });

  test('of a cancelled run are those that had failed when it was', async () => {
    await world.network.script(refusing('stopped 1"'));
    const lines = Array.from({ length: 300 }, (_, index) => JSON.stringify({ prompt: `"stopped ${index + 1}"` }));
    const input = world.file('stopped.jsonl', lines.join('\n'));
    const run = world.start(['batch', input, '--id', 'stopped', '-c', '2', '--pack', '2']);
    await world.network.answered(12);
    await world.network.slowDown('stopped');
    expect((await world.run(['cancel', 'stopped'])).code).toBe(0);
    await run.ended;
    const { code, stdout, stderr } = await world.run(['results', 'stopped', '--failed']);
    expect([code, failedItems(stdout).map(({ id }) => id)]).toEqual([0, [1]]);
    expect(stderr).toContain('1 of 1 chunks are not finished');
  });

  test('of nobody are refused', async () => {
    expect(await refused(world, ['results', 'nobody', '--failed'])).toMatch(/there is no run nobody/);
  });
});

describe('a run without whole results says why, and what to do', () => {
  test('when it was cancelled', async () => {
    const slow = world.start(['batch', world.prompts('ended', 400), '--id', 'ended', '-c', '2']);
    await world.network.answered(4);
    await world.network.slowDown('ended');
    expect((await world.run(['cancel', 'ended'])).code).toBe(0);
    await slow.ended;
    const { code, stderr } = await world.run(['results', 'ended']);
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/the run ended has no whole results: it was cancelled\nGive --partial .*the command that/),
    ]);
    const partial = await world.run(['results', 'ended', '--partial']);
    expect([partial.code, resultLines(partial.stdout).length >= 4]).toEqual([0, true]);
  });

  test('when it failed', async () => {
    await world.network.script({
      match: { promptIncludes: 'keyless' },
      respond: { status: 401, message: 'that key is not known' },
    });
    expect((await world.run(['batch', world.prompts('keyless', 3), '--id', 'keyless'])).code).toBe(1);
    const { code, stderr } = await world.run(['results', 'keyless']);
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/the run keyless has no whole results: it failed: 401: that key is not known/),
    ]);
  });
});

const program = s3Program();

describe.skipIf(program === undefined)('on S3, on a machine that has not the attachments', () => {
  let server: S3Server;
  beforeAll(async () => {
    server = await S3Server.start(program ?? '');
  });
  afterAll(() => server.close());

  test('they are brought beside the output, and run from there', async () => {
    await world.network.script(refusing('bucket'));
    const env = { ...server.env, DRIA_TEMPORAL_STORAGE: server.root('failed') };
    const picture = world.file('in/gone.png', PICTURE);
    const input = world.file(
      'in/s3.jsonl',
      '{"prompt":"bucket 1","attachment":"gone.png"}\n{"prompt":"bucket 2","attachment":"two.png"}\n',
    );
    expect((await world.run(['batch', input, '--id', 's3'], { env })).code).toBe(3);
    rmSync(picture);
    const piped = await world.run(['results', 's3', '--failed'], { env });
    expect(piped.stderr).toContain(
      '1 item with attachments that are not on this machine: give -o, and they are brought',
    );
    const output = world.path('out/s3.jsonl');
    const { code, stderr } = await world.run(['results', 's3', '--failed', '-o', output], { env });
    const allowed = ['--attachments-root', world.path('in')];
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: `2 items to run again: dria-temporal batch ${output} ${allowed.join(' ')}\n`,
    });
    const attachments = failedItems(readFileSync(output, 'utf8')).map(({ attachment }) => attachment);
    expect(attachments).toEqual([
      expect.stringMatching(/^s3-attachments\/[0-9a-f]{64}\.png$/),
      world.path('in/two.png'),
    ]);
    expect(readFileSync(world.path(`out/${attachments[0]}`)).equals(PICTURE)).toBe(true);
    await world.network.clearRules();
    const results = world.path('s3-again.jsonl');
    expect((await world.run(['batch', output, ...allowed, '-o', results])).code).toBe(0);
    expect(readResults(results).map(({ id }) => id)).toEqual([1, 2]);
  });
});
