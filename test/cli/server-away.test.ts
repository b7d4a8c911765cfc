import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { CliWorld } from '../support/cli.js';
import { frontOf } from '../support/front.js';
import { readResults } from '../support/result-lines.js';
import { ServerLink } from '../support/server-link.js';
import { startWorker } from '../support/worker-command.js';

const ITEMS = 12;
const AWAY = /waiting: the Temporal server does not answer · since \d\d:\d\d/;

let world: CliWorld;
let link: ServerLink;
beforeAll(async () => {
  world = await CliWorld.open();
  link = await ServerLink.open(await world.keepServer());
});
afterAll(async () => {
  await link?.close();
  await world.close();
});

test('commands wait for a server that is away and say since when; Ctrl-C leaves, and the others end when it is back', async () => {
  let release = (): void => undefined;
  const until = new Promise<void>((resolve) => {
    release = resolve;
  });
  onTestFinished(() => release());
  const port = Number(new URL(world.network.url).port);
  const env = { DRIA_BASE_URL: await frontOf({ port }, { held: { includes: 'held', until } }) };
  await startWorker(world, [], { env });
  const prompts = Array.from({ length: ITEMS }, (_, at) =>
    JSON.stringify({ prompt: at === 7 ? 'held' : `away ${at}` }),
  );
  const output = world.path('results.jsonl');
  const far = ['--address', `127.0.0.1:${link.port}`];
  const batch = ['batch', world.file('away.jsonl', prompts.join('\n')), '--id', 'away', '-o', output, ...far];
  const command = world.start(batch, { env });
  await world.network.answered(ITEMS - 1);
  const attached = world.start(['attach', 'away', ...far], { env });
  await Promise.all([command, attached].map((shown) => shown.said(/running 11\/12/)));

  link.cut();
  await Promise.all([command.said(AWAY), attached.said(AWAY)]);
  attached.signal('SIGINT');
  const left = await attached.ended;
  expect(left.code, left.stderr).toBe(130);
  expect(command.isRunning).toBe(true);
  release();
  link.restore();
  const { code, stderr } = await command.ended;
  expect(code, stderr).toBe(0);
  expect(readResults(output).map(({ id }) => id)).toEqual(Array.from({ length: ITEMS }, (_, at) => at + 1));
});
