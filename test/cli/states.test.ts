import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CliWorld } from '../support/cli.js';

let world: CliWorld;
let connection: Connection;
beforeAll(async () => {
  world = await CliWorld.open();
  connection = await Connection.connect({ address: await world.keepServer() });
});
afterAll(async () => {
  await connection.close();
  await world.close();
});

/** What `status` says of a run, and its exit code. */
async function statusOf(id: string): Promise<object> {
  const { code, stdout, stderr } = await world.run(['status', id, '--json']);
  expect(stdout, stderr).not.toBe('');
  return { code, ...JSON.parse(stdout) };
}

test('a run whose command was killed, and then the run, is as the server says, with what storage has', async () => {
  await world.network.script({ match: { promptIncludes: 'killed 8' }, respond: { kind: 'answer', delayMs: 600_000 } });
  const command = world.start(['batch', world.prompts('killed', 8), '--id', 'killed', '-c', '2']);
  await world.network.answered(7);
  command.signal('SIGKILL');
  await command.ended;
  expect(await statusOf('killed')).toMatchObject({ code: 0, state: 'waiting', items: 8, ok: 7 });
  await new Client({ connection }).workflow.getHandle('killed').terminate();
  const reason = 'it was terminated';
  expect(await statusOf('killed')).toMatchObject({ code: 1, state: 'cancelled', reason, items: 8, ok: 7, failed: 0 });
  const { stdout } = await world.run(['status', 'killed']);
  expect(stdout).toMatch(/cancelled: it was terminated\nDone +7 of 8 items/);
});

test('a run that failed before it began has failed, with the reason', async () => {
  const started = { workflowId: 'unread', taskQueue: 'unread', args: [{ input: '/nowhere.jsonl' }] };
  await new Client({ connection }).workflow.start('batchWorkflow', started);
  const attached = await world.run(['attach', 'unread']);
  // A worker on the embedded server reads no path that comes with a workflow's argument.
  const reason = expect.stringContaining('not what a command has stored here');
  expect([attached.code, attached.stderr]).toEqual([1, reason]);
  const failed = { code: 1, state: 'failed', reason };
  expect(await statusOf('unread')).toMatchObject({ ...failed, items: 0, ok: 0 });
  const [row] = (await world.run(['runs', '--json'])).stdout.split('\n');
  expect(JSON.parse(row ?? '')).toMatchObject({ id: 'unread', state: 'failed' });
});
