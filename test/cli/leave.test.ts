import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readlinkSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CliWorld, type Command } from '../support/cli.js';
import { timesAsked } from '../support/network-process.js';
import { readResults, resultLines } from '../support/result-lines.js';
import { until } from '../support/until.js';

const ITEMS = 40;
const PERMITS = 4;

let world: CliWorld;
beforeAll(async () => {
  world = await CliWorld.open({ latency: { kind: 'fixed', ms: 150 } });
});
afterAll(() => world.close());
beforeEach(() => world.network.reset());

/** Fails unless every item was asked exactly once since the record began. */
async function expectAskedOnce(count: number): Promise<void> {
  const times = timesAsked(await world.network.requests());
  expect(times.size).toBe(count);
  expect([...times.values()].filter((asked) => asked !== 1)).toEqual([]);
}

/** Starts a run and leaves it by Ctrl-C when some items are answered. Returns what was said, and the run's id. */
async function leaveInTheMiddle(args: readonly string[], cwd?: string): Promise<{ said: string; id: string }> {
  const command = world.start(args, cwd === undefined ? {} : { cwd });
  await world.network.answered(6);
  await world.network.slowDown();
  command.signal('SIGINT');
  const { code, stderr, stdout } = await command.ended;
  await world.network.clearRules();
  expect({ code, stdout }, stderr).toEqual({ code: 130, stdout: '' });
  const { answered } = await world.network.stats();
  expect(answered, 'left in the middle').toBeLessThan(ITEMS);
  return { said: stderr, id: idIn(stderr) };
}

function idIn(said: string): string {
  const id = /dria-temporal attach (\S+)/.exec(said)?.[1];
  if (id === undefined) throw new Error(`no way to go on in:\n${said}`);
  return id;
}

describe('Ctrl-C', () => {
  test('says how to go on; the same command then asks only what has no answer', async () => {
    const args = ['batch', world.prompts('left', ITEMS), '-c', String(PERMITS)];
    const { said } = await leaveInTheMiddle(args);
    expect(said).toContain('The run waits with everything kept. Give the same command again');
    const again = await world.run(args);
    expect(again.code).toBe(0);
    expect(again.stderr).toContain('is unfinished: going on with it');
    expect(resultLines(again.stdout).map(({ id }) => id)).toEqual(Array.from({ length: ITEMS }, (_, n) => n + 1));
    await expectAskedOnce(ITEMS);
  });

  test('and attach, from any folder, writes where the run was started for', async () => {
    mkdirSync(world.path('there'));
    const input = world.prompts('attached', ITEMS);
    const { id } = await leaveInTheMiddle(['batch', input, '-c', '4', '-o', 'r.jsonl'], world.path('there'));
    const waiting = await world.run(['status', id, '--json']);
    expect(JSON.parse(waiting.stdout)).toMatchObject({ id, items: ITEMS, state: 'waiting' });
    const { code } = await world.run(['attach', id], { cwd: world.folder });
    expect(code).toBe(0);
    expect(readResults(world.path('there/r.jsonl'))).toHaveLength(ITEMS);
    await expectAskedOnce(ITEMS);
  });

  test('while nothing is answered yet leaves in good order too', async () => {
    const args = ['batch', world.prompts('early', 5)];
    const command = world.start(args);
    await command.said(/^run /m);
    command.signal('SIGINT');
    expect((await command.ended).code).toBe(130);
    expect((await world.run(args)).code).toBe(0);
    await expectAskedOnce(5);
  });

  test('twice leaves at once, also when a request hangs', async () => {
    await world.network.script({ match: { promptIncludes: 'hanging' }, respond: { kind: 'hang' } });
    const command = world.start(['batch', world.prompts('hanging', 1)]);
    await command.said(/^run /m);
    await untilInFlight();
    command.signal('SIGINT');
    await command.said(/dria-temporal attach/);
    expect(command.isRunning).toBe(true);
    const asked = performance.now();
    command.signal('SIGINT');
    expect((await command.ended).code).toBe(130);
    // It would wait 5 s for the request.
    expect(performance.now() - asked).toBeLessThan(4_500);
  });
});

test.skipIf(process.platform !== 'linux')('a pipe that nobody writes does not hold a command at SIGTERM', async () => {
  const pipe = world.path('unwritten.pipe');
  execFileSync('mkfifo', [pipe]);
  const command = world.start(['batch', pipe]);
  await until('the command has the pipe open', () => openFiles(command.pid).includes(pipe));
  command.signal('SIGTERM');
  expect((await command.ended).code).toBe(143);
});

/** The files that a process has open, by Linux. */
function openFiles(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).flatMap((name) => {
    try {
      return [readlinkSync(`${folder}/${name}`)];
    } catch {
      // Closed meanwhile.
      return [];
    }
  });
}

async function untilInFlight(): Promise<void> {
  await expect.poll(async () => (await world.network.stats()).inFlight, { timeout: 30_000 }).toBe(1);
}

describe('two commands on one run', () => {
  test('given at the same moment both end well with the whole output, and nothing is asked twice', async () => {
    const args = ['batch', world.prompts('both', ITEMS), '-c', '4'];
    const [one, two] = await Promise.all([world.run(args), world.run(args)]);
    expect([one.code, two.code], `${one.stderr}\n---\n${two.stderr}`).toEqual([0, 0]);
    expect(resultLines(one.stdout)).toHaveLength(ITEMS);
    expect(two.stdout).toBe(one.stdout);
    await expectAskedOnce(ITEMS);
    expect((await world.network.stats()).maxInFlight).toBeLessThanOrEqual(PERMITS);
  });

  test('go on when the first of them leaves', async () => {
    // Long enough for the second command to start and to be there before the end.
    await world.network.script({ match: { promptIncludes: 'relay' }, respond: { kind: 'answer', delayMs: 1_000 } });
    const args = ['batch', world.prompts('relay', ITEMS), '-c', '4'];
    const first = world.start(args);
    await world.network.answered(3);
    const second = world.start(args);
    await second.said(/is unfinished: going on with it/);
    first.signal('SIGINT');
    expect((await first.ended).code).toBe(130);
    const { code, stdout } = await second.ended;
    expect(code).toBe(0);
    expect(resultLines(stdout)).toHaveLength(ITEMS);
    await expectAskedOnce(ITEMS);
  });
});

describe('on a server that is up', () => {
  beforeAll(async () => {
    await world.keepServer();
  });

  test('an --id of another input is refused, before and after the end of its run', async () => {
    const { id } = await leaveInTheMiddle(['batch', world.prompts('mine', ITEMS), '-c', '4', '--id', 'mine']);
    expect(id).toBe('mine');
    const other = ['batch', world.prompts('yours', 3), '--id', 'mine'];
    const during = await world.run(other);
    expect(during.code).toBe(2);
    expect(during.stderr).toMatch(/the id mine belongs to a run of another input\nGive another --id/);
    expect((await world.run(['attach', 'mine'])).code).toBe(0);
    expect((await world.run(other)).code).toBe(2);
    await expectAskedOnce(ITEMS);
  });

  test('a closed terminal does not end a command whose standard error is none', async () => {
    const command = world.start(['batch', world.prompts('nohup', ITEMS), '-c', '4']);
    await world.network.answered(3);
    command.signal('SIGHUP');
    const { code, stdout } = await command.ended;
    expect(code).toBe(0);
    expect(resultLines(stdout)).toHaveLength(ITEMS);
    await expectAskedOnce(ITEMS);
  });

  test('attach and status say that there is no such run', async () => {
    for (const args of [
      ['attach', 'nobody'],
      ['status', 'nobody'],
    ]) {
      const { code, stderr } = await world.run(args);
      expect(code).toBe(2);
      expect(stderr).toMatch(/there is no run nobody\nSee `dria-temporal runs`/);
    }
  });
});

describe('without credits', () => {
  let poor: CliWorld;
  beforeEach(async () => {
    poor = await CliWorld.open({ latency: { kind: 'fixed', ms: 100 }, credits: 10 });
    return () => poor.close();
  });

  /** Starts a run that has more items than there are credits, and waits until it says that it pauses. */
  async function pausedRun(args: readonly string[]): Promise<Command> {
    const command = poor.start(args);
    await command.said(/paused.*402/);
    expect((await poor.network.stats()).answered).toBe(10);
    return command;
  }

  test('the run pauses and says so; the same command in another terminal resumes it, and both end well', async () => {
    const args = ['batch', poor.prompts('poor', 20), '-c', '4', '--on-pause', 'wait'];
    const first = await pausedRun(args);
    await poor.network.addCredits(100);
    const second = poor.start(args);
    await second.said(/it was paused \(.*402.*\): resuming it/);
    const [one, two] = await Promise.all([first.ended, second.ended]);
    expect([one.code, two.code]).toEqual([0, 0]);
    expect(resultLines(one.stdout)).toHaveLength(20);
    expect(two.stdout).toBe(one.stdout);
    expect((await poor.network.stats()).answered).toBe(20);
  });

  test('a paused run may be left, and attach resumes it', async () => {
    const command = await pausedRun([
      ...['batch', poor.prompts('broke', 20), '-c', '4', '-o', poor.path('r.jsonl')],
      ...['--on-pause', 'wait'],
    ]);
    command.signal('SIGINT');
    expect((await command.ended).code).toBe(130);
    await poor.network.addCredits(100);
    const { code, stderr } = await poor.run(['attach', idIn(command.stderr)]);
    expect(code).toBe(0);
    expect(stderr).toContain('resuming it');
    expect(readResults(poor.path('r.jsonl'))).toHaveLength(20);
    expect((await poor.network.stats()).answered).toBe(20);
  });
});
