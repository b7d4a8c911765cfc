import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type RunEvent, runEventSchema } from '../../src/batch/run-event.js';
import { ScriptedServer } from '../dria/scripted-server.js';
import { CliWorld } from '../support/cli.js';

const KEY = Buffer.alloc(32, 5).toString('base64');
const SECRET = `whsec_${KEY}`;

let world: CliWorld;
let receiver: ScriptedServer;
beforeAll(async () => {
  world = await CliWorld.open({ latency: { kind: 'fixed', ms: 50 } });
  receiver = await new ScriptedServer((response) => response.end()).listen();
  await world.keepServer();
});
beforeEach(() => world.network.reset());
afterAll(async () => {
  await receiver.close();
  await world.close();
});

/** The events of a run that the receiver got, each verified. */
function received(runId: string): RunEvent[] {
  const events = receiver.received.map(({ body, headers }) => {
    const strings = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
    return runEventSchema.parse(new Webhook(SECRET).verify(body, strings));
  });
  return events.filter(({ data }) => data.runId === runId);
}

/** Runs a command with a webhook's secret and a hook that writes the event and the state to a file. */
async function run(name: string, args: readonly string[]) {
  const hook = `{ cat; echo "$DRIA_TEMPORAL_RUN_STATE $DRIA_TEMPORAL_RUN_OK" >&2; } >> ${world.path(`${name}.events`)}`;
  const ended = await world.run([...args, '--on-complete', hook], { env: { DRIA_WEBHOOK_SECRET: SECRET } });
  const events = readFileSync(world.path(`${name}.events`), 'utf8')
    .trimEnd()
    .split('\n');
  return { ...ended, events: events.map((line): { type: string; summary?: object } => JSON.parse(line)) };
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

test('the end of a run is given to a command here and, signed, to an address; the secret is in no file', async () => {
  const output = world.path('whole.out');
  const url = `http://127.0.0.1:${receiver.port}/hook`;
  const args = ['batch', world.prompts('whole', 3), '--id', 'whole', '-o', output, '--webhook', url];
  const { code, stderr, events } = await run('whole', args);
  expect([code, stderr]).toEqual([0, expect.stringContaining('completed 3\n')]);
  expect(events).toEqual([
    expect.objectContaining({ type: 'run.completed', summary: expect.objectContaining({ ok: 3, outcome: 'all' }) }),
  ]);
  const [sent] = received('whole');
  expect(sent?.data).toMatchObject({ state: 'completed', items: 3, ok: 3, results: 'runs/whole/results.jsonl' });
  // A command that comes later, or is given again, is one that waits too; the run sends nothing again.
  expect((await run('whole', ['attach', 'whole'])).events).toHaveLength(2);
  expect(received('whole')).toHaveLength(1);
  for (const file of filesIn(world.folder)) expect(readFileSync(file).includes(KEY), file).toBe(false);
});

test('a pause is given to both, and the end to the command that comes back', async () => {
  const url = `http://127.0.0.1:${receiver.port}/hook`;
  const args = ['batch', world.prompts('held', 20), '--id', 'held', '-c', '2', '--max-total-tokens', '100'];
  const paused = await run('held', [...args, '--webhook', url]);
  expect([paused.code, paused.events.map(({ type }) => type)]).toEqual([4, ['run.paused']]);
  expect(received('held')).toEqual([
    expect.objectContaining({ type: 'run.paused', data: expect.objectContaining({ pausedBy: 'budget' }) }),
  ]);
  expect((await world.run(['set', 'held', '--max-total-tokens', 'none'])).code).toBe(0);
  const attached = await run('held', ['attach', 'held']);
  expect([attached.code, attached.events.map(({ type }) => type)]).toEqual([0, ['run.paused', 'run.completed']]);
  expect(received('held').map(({ type }) => type)).toEqual(['run.paused', 'run.completed']);
});

test('a run that fails is given to a command, which may fail itself; the exit code is that of the run', async () => {
  const hook = 'echo "$DRIA_TEMPORAL_RUN_STATE: $DRIA_TEMPORAL_RUN_REASON"; exit 9';
  const env = { DRIA_API_KEY: 'another-key' };
  await world.network.script({ match: {}, respond: { status: 401, message: 'no such key' } });
  const args = [
    'batch',
    world.prompts('refused', 2),
    '--id',
    'refused',
    '--model',
    'qwen3.5:9b',
    '--on-complete',
    hook,
  ];
  const { code, stderr } = await world.run(args, { env });
  expect(code).toBe(1);
  expect(stderr).toMatch(/^failed: .*401/m);
  expect(stderr).toContain('warning: --on-complete ended with exit code 9; the run is as it was');
});
