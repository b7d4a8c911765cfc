import { readdirSync, statSync } from 'node:fs';
import { join, sep } from 'node:path';
import { Client, Connection, WorkflowFailedError } from '@temporalio/client';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { CliWorld } from '../support/cli.js';
import { timesAsked } from '../support/network-process.js';
import { startWorker } from '../support/worker-command.js';

const SECRET = 'nobody else may read this line';

let world: CliWorld;
let address: string;
beforeAll(async () => {
  world = await CliWorld.open();
  address = await world.keepServer();
});
afterAll(() => world.close());

test('a worker on the embedded server asks nothing, and says nothing of a file, for a run that another user starts', async () => {
  await startWorker(world, []);
  const secret = world.file('secret.txt', `${SECRET}\n`);
  const prompts = world.file('prompts.jsonl', `{"prompt":"${SECRET}"}\n`);
  const connection = await Connection.connect({ address });
  onTestFinished(() => connection.close());
  const { workflow } = new Client({ connection });
  for (const [index, input] of [secret, prompts].entries()) {
    const workflowId = `of-another-user-${index}`;
    const handle = await workflow.start('batchWorkflow', { workflowId, taskQueue: 'dria-batch', args: [{ input }] });
    await expect(handle.result()).rejects.toThrow(WorkflowFailedError);
    expect(textOf(await handle.fetchHistory())).toContain('this worker takes no other runs');
    expect(textOf(await handle.fetchHistory())).not.toContain(SECRET);
  }
  const own = await world.run(['batch', world.prompts('own', 3), '--task-queue', 'dria-batch', '-m', 'qwen3.5:9b']);
  expect(own.code, own.stderr).toBe(0);
  expect(timesAsked(await world.network.requests()).size).toBe(3);
});

test('nobody else can read or change what runs leave: files 0600, folders 0700', async () => {
  const { code, stderr } = await world.run(['batch', world.prompts('private', 2), '--id', 'private']);
  expect(code, stderr).toBe(0);
  const names = readdirSync(world.dataDir, { recursive: true, encoding: 'utf8' });
  // The server makes its database as the umask has it, in a folder that nobody else may enter.
  const places = ['', ...names.filter((name) => !name.startsWith(`server${sep}`))].map((name) =>
    join(world.dataDir, name),
  );
  const others = places.filter((place) => (statSync(place).mode & 0o077) !== 0);
  expect(others).toEqual([]);
});

/** All text of a history, that in payloads included. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return `${value}\n`;
  if (value instanceof Uint8Array) return `${Buffer.from(value).toString('utf8')}\n`;
  if (typeof value !== 'object' || value === null) return '';
  return Object.values(value).map(textOf).join('');
}
