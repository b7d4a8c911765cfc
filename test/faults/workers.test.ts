import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { CliWorld, type Command } from '../support/cli.js';
import { timesAsked } from '../support/network-process.js';
import { readResults } from '../support/result-lines.js';
import { S3Server, s3Program } from '../support/s3-server.js';
import { startWorker } from '../support/worker-command.js';

const program = s3Program();

const PERMITS = 16;
const ANSWER_MS = 250;
/** Answers wait so long to be written here, and a write takes a moment. */
const FLUSH_MS = 500;
/** What a worker that dies may have had in its hands: each permit's request, and the answers of one flush. */
const LOST_BY_ONE = PERMITS * (1 + Math.ceil((FLUSH_MS + 500) / ANSWER_MS));

describe.skipIf(program === undefined)('workers on one server and one bucket', () => {
  let world: CliWorld;
  let s3: S3Server;
  let address: string;
  beforeAll(async () => {
    world = await CliWorld.open({ latency: { kind: 'fixed', ms: ANSWER_MS } });
    s3 = await S3Server.start(program ?? '');
    address = await world.keepServer();
  });
  afterEach(() => world.network.reset());
  afterAll(async () => {
    await world.close();
    await s3.close();
  });

  const options = (name: string) => ({
    env: {
      ...s3.env,
      DRIA_TEMPORAL_STORAGE: s3.root(name),
      DRIA_TEMPORAL_FLUSH_INTERVAL: String(FLUSH_MS / 1000),
      DRIA_TEMPORAL_TASK_QUEUE: name,
    },
  });
  const worker = (name: string) => startWorker(world, ['--address', address], options(name));
  const batch = (name: string, items: number): Command => {
    const flags = ['-o', world.path(`${name}-results.jsonl`), '-c', String(PERMITS), '--heartbeat-timeout', '5'];
    return world.start(['batch', world.prompts(name, items), ...flags, '--address', address], options(name));
  };

  async function expectWhole(name: string, items: number): Promise<void> {
    const answers = readResults(world.path(`${name}-results.jsonl`)).map(({ output }) => output);
    expect(answers).toEqual(Array.from({ length: items }, (_, at) => expect.stringContaining(`("${name} ${at + 1}")`)));
    expect(timesAsked(await world.network.requests()).size).toBe(items);
  }

  const askedAgain = async () => {
    const times = timesAsked(await world.network.requests());
    return [...times.values()].reduce((again, count) => again + count - 1, 0);
  };

  test('two, then four, of which two are killed: the results are whole', async () => {
    const first = [await worker('four'), await worker('four')];
    const run = batch('four', 800);
    await world.network.answered(150);
    const more = [await worker('four'), await worker('four')];
    await world.network.answered(350);
    const [victim, other] = [first[0], more[0]];
    victim?.signal('SIGKILL');
    other?.signal('SIGKILL');
    const { code, stderr } = await run.ended;
    expect(code, stderr).toBe(0);
    await expectWhole('four', 800);
    expect(await askedAgain()).toBeLessThanOrEqual(LOST_BY_ONE);
    for (const left of [first[1], more[1]]) left?.signal('SIGTERM');
    expect((await first[1]?.ended)?.code).toBe(0);
    expect((await more[1]?.ended)?.code).toBe(0);
  });

  test('one that hangs loses its packs to another; what it writes when it wakes changes nothing', async () => {
    const [hanging, other] = [await worker('hang'), await worker('hang')];
    const run = batch('hang', 300);
    await world.network.answered(100);
    hanging.signal('SIGSTOP');
    const { code, stderr } = await run.ended;
    expect(code, stderr).toBe(0);
    await expectWhole('hang', 300);
    const results = ['results', runIdIn(stderr), ...['--storage', s3.root('hang')]];
    const before = await world.run(results, options('hang'));
    hanging.signal('SIGCONT');
    // It finds that its packs are no longer its own, and ends when it is asked to.
    await delay(2 * FLUSH_MS);
    hanging.signal('SIGTERM');
    expect((await hanging.ended).code).toBe(0);
    expect(await world.run(results, options('hang'))).toEqual({ ...before, ms: expect.any(Number) });
    expect(await askedAgain()).toBeLessThanOrEqual(LOST_BY_ONE);
    other.signal('SIGTERM');
    await other.ended;
  });
});

function runIdIn(stderr: string): string {
  const id = /run (\S+)/.exec(stderr)?.[1];
  if (id === undefined) throw new Error(`no run id in\n${stderr}`);
  return id;
}
