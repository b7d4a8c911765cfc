import { Client, Connection } from '@temporalio/client';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { isServing } from '../../src/embedded/frontend.js';
import { until as eventually } from '../support/until.js';
import { killNow, type Member, TestDataDir, temporalProgram, until } from './processes-of-test.js';

const WORKFLOW_ID = 'survivor';

let program: string;
let dir: TestDataDir;
let member: Member;
let address: string;

beforeAll(async () => {
  program = await temporalProgram();
}, 300_000);
beforeEach(async () => {
  dir = new TestDataDir(program);
  member = await dir.join();
  ({ address } = await member.joined());
  await withClient(address, (client) =>
    client.workflow.start('nobodyRunsThis', { workflowId: WORKFLOW_ID, taskQueue: 'nobody' }),
  );
});
afterEach(() => dir.remove());

async function withClient<T>(at: string, use: (client: Client) => Promise<T>): Promise<T> {
  const connection = await Connection.connect({ address: at });
  try {
    return await use(new Client({ connection }));
  } finally {
    await connection.close();
  }
}

async function expectWorkflow(at: string): Promise<void> {
  const description = await withClient(at, (client) => client.workflow.getHandle(WORKFLOW_ID).describe());
  expect(description.status.name).toBe('RUNNING');
}

async function serving(): Promise<void> {
  await eventually('the server serves', () => isServing(Number(address.split(':')[1])));
}

describe('kill -9 of', () => {
  it('a command counts as its leaving', async () => {
    const other = await dir.join();
    member.kill();
    await expectWorkflow(address);
    other.kill();
    await dir.untilStopped();
    const next = await dir.join();
    await expectWorkflow((await next.joined()).address);
  });

  it('the server: it is back on the same address, with what was started on it', async () => {
    const killed = dir.server;
    await killNow(killed);
    await serving();
    expect(dir.server).not.toBe(killed);
    await expectWorkflow(address);
    expect(member.steps()).toContain('The local Temporal server died; starting it again');
  });

  it('the keeper: the command keeps its very server, and the last to leave still stops it', async () => {
    const server = dir.server;
    await killNow(dir.keeper);
    await until('the command has a keeper again', () => dir.isKept);
    const other = await dir.join();
    expect(await other.joined()).toEqual(await member.joined());
    expect(dir.server).toBe(server);
    await other.leave();
    await expectWorkflow(address);
    await member.leave();
    await dir.untilStopped();
  });

  it('keeper and command: the next command takes over the orphaned server', async () => {
    const server = dir.server;
    member.kill();
    await killNow(dir.keeper);
    const next = await dir.join();
    expect(dir.server).toBe(server);
    await expectWorkflow((await next.joined()).address);
    await next.leave();
    await dir.untilStopped();
  });

  it('keeper and command, and the orphaned server then stops answering: the next command gets another', async () => {
    const server = dir.server;
    member.kill();
    await killNow(dir.keeper);
    process.kill(server, 'SIGSTOP');
    const next = await dir.join();
    expect(dir.server).not.toBe(server);
    await expectWorkflow((await next.joined()).address);
  });

  it('all of them at once: the next command finds everything within seconds', async () => {
    member.kill();
    await killNow(dir.keeper, dir.server);
    const start = performance.now();
    const next = await dir.join();
    expect(performance.now() - start).toBeLessThan(15_000);
    await expectWorkflow((await next.joined()).address);
    expect((await next.joined()).address).toBe(address);
  });

  it('keeper and server at once, again and again, never leaves two servers', async () => {
    for (let round = 0; round < 5; round += 1) {
      await killNow(dir.keeper, dir.server);
      await until('the command has its server again', () => dir.isKept && dir.servers.length === 1);
      await serving();
    }
    expect(dir.servers).toHaveLength(1);
    await expectWorkflow(address);
  });
});
