import {
  appendFileSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { PNG } from '../input/helpers.js';
import { CliWorld } from '../support/cli.js';
import { timesAsked } from '../support/network-process.js';
import { failed } from '../support/refused.js';
import { readResults, resultLines } from '../support/result-lines.js';
import { until } from '../support/until.js';

/* What a bad disk or somebody's hand has left in the data directory: it is told, and never passes for what was written. */

let world: CliWorld;
beforeAll(async () => {
  world = await CliWorld.open({ latency: { kind: 'fixed', ms: 100 } });
  await world.keepServer();
});
beforeEach(() => world.network.reset());
afterAll(() => world.close());

const inRun = (id: string, ...path: string[]) => join(world.dataDir, 'runs', id, ...path);
const batch = (id: string) => ['batch', world.path(`${id}.jsonl`), '--id', id, '-c', '4'];

/** Leaves a run in the middle, by SIGKILL: nothing is put in order. */
async function kill(id: string, items: number, answers: number): Promise<void> {
  world.prompts(id, items);
  const run = world.start([...batch(id), '--pack', '10']);
  await world.network.answered(answers);
  await world.network.slowDown(id);
  run.signal('SIGKILL');
  await run.ended;
  await world.network.clearRules();
}

describe('a run that was killed and whose', () => {
  test('blocks were cut off asks for what is lost, and no more; the output is whole', async () => {
    await kill('blocks', 80, 40);
    const folder = inRun('blocks', 'chunks/0/segments');
    const blocks = readdirSync(folder).map((name) => join(folder, name));
    const [first = '', ...others] = blocks;
    truncateSync(first, statSync(first).size - 20);
    for (const other of others.slice(0, 1)) truncateSync(other, 0);
    const kept = new Set(blocks.flatMap((path) => wholeItems(path)));
    const before = (await world.network.requests()).length;
    await expectWhole('blocks', 80);
    const again = (await world.network.requests()).slice(before).map(({ prompt }) => Number(prompt.split(' ')[1]) - 1);
    expect(again.filter((item) => kept.has(item))).toEqual([]);
    expect(new Set(again).size).toBe(again.length);
  });

  test('input is gone or cut off stores it again and goes on', async () => {
    await kill('input', 60, 20);
    const { sha256 } = JSON.parse(readFileSync(inRun('input', 'manifest/manifest.json'), 'utf8'));
    truncateSync(join(world.dataDir, 'inputs', `${sha256}.jsonl`), 100);
    rmSync(inRun('input', 'manifest/offsets'));
    const { stderr } = await expectWhole('input', 60);
    expect(stderr).toContain('storing it again');
  });

  test('manifest was cut off says so, and how to go on', async () => {
    await kill('manifest', 20, 5);
    truncateSync(inRun('manifest', 'manifest/manifest.json'), 40);
    const { stderr } = await failed(world, batch('manifest'));
    expect(stderr).toMatch(/manifest\.json: it is damaged: it is not JSON\n.*another --id/);
  });
});

describe('a run that has ended and whose', () => {
  const cut = (path: string, bytes: number) => truncateSync(path, statSync(path).size - bytes);

  test.each([
    ['cut in their last line', 5],
    ['cut between two lines', undefined],
  ])('results are %s does not pass them on; --partial has them from the parts', async (how, bytes) => {
    const id = `results-${bytes === undefined ? 'line' : 'middle'}`;
    world.prompts(id, 12);
    const whole = await world.run(batch(id));
    expect(whole.code, how).toBe(0);
    const last = Buffer.byteLength(whole.stdout.trimEnd().split('\n').at(-1) ?? '') + 1;
    cut(inRun(id, 'results.jsonl'), bytes ?? last);
    const output = world.path(`${id}-out.jsonl`);
    for (const args of [['results', id], batch(id)]) {
      const { stderr } = await failed(world, [...args, '-o', output]);
      expect(stderr).toMatch(
        /results\.jsonl: it is damaged: it is not what was written: it has \d+ bytes, \d+ were written\n.*--partial/,
      );
      expect(() => statSync(output)).toThrow('ENOENT');
    }
    const partial = await world.run(['results', id, '--partial']);
    expect([partial.code, partial.stdout]).toEqual([0, whole.stdout]);
  });

  test('summary was cut off says so, and has its results all the same', async () => {
    world.prompts('summary', 5);
    const whole = await world.run(batch('summary'));
    cut(inRun('summary', 'summary.json'), 30);
    for (const args of [['results', 'summary'], ['results', 'summary', '--partial'], batch('summary')]) {
      const { code, stdout, stderr } = await world.run(args);
      expect([code, stdout], stderr).toEqual([0, whole.stdout]);
      expect(stderr).toMatch(/summary\.json: it is damaged: it is not JSON/);
    }
    const page = await world.run(['report', 'summary', '-o', world.path('summary.html')]);
    expect([page.code, page.stderr]).toEqual([0, expect.stringMatching(/^warning: .*summary\.json: it is damaged/)]);
    // The workflow's memo has how it ended.
    expect((await world.run(['status', 'summary'])).stdout).toContain('5 ok');
  });
});

describe('an input that is written to', () => {
  test('between two commands is another run, and the first one is still there', async () => {
    const input = world.prompts('changed', 60);
    const before = readFileSync(input, 'utf8');
    const args = ['batch', input, '-o', world.path('changed-out.jsonl'), '-c', '4'];
    const first = world.start(args);
    await world.network.answered(20);
    await world.network.slowDown();
    first.signal('SIGKILL');
    await first.ended;
    await world.network.clearRules();
    // The same length and the same number of lines: only the content tells.
    world.file('changed.jsonl', before.replaceAll('changed', 'renewed'));
    const second = await world.run(args);
    expect(second.code, second.stderr).toBe(0);
    expect(outputs()).toEqual(Array.from({ length: 60 }, (_, at) => expect.stringContaining(`("renewed ${at + 1}")`)));
    world.file('changed.jsonl', before);
    const third = await world.run(args);
    expect(third.code, third.stderr).toBe(0);
    expect(outputs()).toEqual(Array.from({ length: 60 }, (_, at) => expect.stringContaining(`("changed ${at + 1}")`)));
    const times = timesAsked(await world.network.requests());
    expect(times.size).toBe(120);
    expect(Math.max(...[...times].flatMap(([prompt, count]) => (prompt.startsWith('renewed') ? [count] : [])))).toBe(1);
  });

  const outputs = () => readResults(world.path('changed-out.jsonl')).map(({ output }) => output);

  test('in one of its attached files only is the same run, and the command says what that means', async () => {
    const line = JSON.stringify({ prompt: 'see', attachment: 'changing.png' });
    const input = world.file('with-file.jsonl', `${line}\n`);
    writeFileSync(world.path('changing.png'), PNG);
    const first = await world.run(['batch', input]);
    expect([first.code, first.stderr]).toEqual([0, expect.not.stringContaining('changed')]);
    writeFileSync(world.path('changing.png'), Buffer.concat([PNG, PNG]));
    const second = await world.run(['batch', input]);
    expect([second.code, second.stdout]).toEqual([0, first.stdout]);
    expect(second.stderr).toMatch(/1 attached file has changed since the run was started: .* give another --id/);
  });

  test('while a command reads it is refused, and nothing is started; the next command is whole', async () => {
    const line = (at: number) => `${JSON.stringify({ prompt: `growing ${at} ${'x'.repeat(60_000)}` })}\n`;
    const input = world.file('growing.jsonl', '');
    // So much that the command still reads when this test has seen that it does, on a busy machine too.
    for (let at = 0; at < 8_000; at += 1_000) {
      appendFileSync(input, Array.from({ length: 1_000 }, (_, more) => line(at + more)).join(''));
    }
    const inputs = join(world.dataDir, 'inputs');
    const before = ls(inputs);
    const temporary = join(world.dataDir, '.tmp');
    // What a killed command has left would be taken for this one's.
    rmSync(temporary, { recursive: true, force: true });
    const run = world.start(['batch', input, '--id', 'growing']);
    // It is stored while it is read.
    await until('the input is being stored', () => ls(temporary).some((name) => statOrZero(join(temporary, name)) > 0));
    run.signal('SIGSTOP');
    world.file('growing-new.jsonl', `${JSON.stringify({ prompt: 'growing, and new' })}\n`);
    truncateSync(input, 1_000_000);
    run.signal('SIGCONT');
    const { code, stderr } = await run.ended;
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(
        /growing\.jsonl changed while it was read: it had \d+ bytes, and has 1000000 now; nothing was started/,
      ),
    ]);
    expect([ls(inputs), ls(temporary)]).toEqual([before, []]);
    renameSync(world.path('growing-new.jsonl'), input);
    const again = await world.run(['batch', input, '--id', 'growing']);
    expect(again.code, again.stderr).toBe(0);
    expect(resultLines(again.stdout)).toHaveLength(1);
  });
});

function ls(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function statOrZero(path: string): number {
  try {
    return statSync(path).size;
  } catch {
    return 0;
  }
}

/** Items whose answers a block has whole. */
function wholeItems(path: string): number[] {
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  // A request that went out has a line too.
  return lines.flatMap((line) => (line.includes('"sent":') ? [] : [JSON.parse(line).item]));
}

/** Gives the command once: a run that finds an answer missing asks again for it by itself. */
async function expectWhole(id: string, items: number) {
  const output = world.path(`${id}-out.jsonl`);
  const { code, stderr } = await world.run([...batch(id), '-o', output]);
  expect(code, stderr).toBe(0);
  const answers = readResults(output).map(({ output: answer }) => answer);
  expect(answers).toEqual(Array.from({ length: items }, (_, at) => expect.stringContaining(`("${id} ${at + 1}")`)));
  return { stderr };
}
