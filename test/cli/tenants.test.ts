import { Connection } from '@temporalio/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CliWorld } from '../support/cli.js';
import { readResults } from '../support/result-lines.js';
import { until } from '../support/until.js';
import { startWorker } from '../support/worker-command.js';

const KEY_OF_ACME = 'dkn_live_of-acme-nobody-may-see';
const WRONG_KEY = 'dkn_live_of-globex-that-is-wrong';

let world: CliWorld;
let address: string;
beforeAll(async () => {
  world = await CliWorld.open({ keys: [KEY_OF_ACME] });
  address = await world.keepServer();
  await addNamespace('acme');
});
afterAll(() => world.close());

async function addNamespace(namespace: string): Promise<void> {
  const connection = await Connection.connect({ address });
  const { workflowService } = connection;
  const day = { seconds: 86_400 };
  // The SDK's type of a duration has a number of its own for 64 bits; what goes out is the same.
  await workflowService.registerNamespace({ namespace, workflowExecutionRetentionPeriod: day as never });
  await until('the namespace is there', async () =>
    workflowService.listWorkflowExecutions({ namespace }).then(
      () => true,
      () => false,
    ),
  );
  await connection.close();
}

test('one worker sends the runs of each tenant with its own key, in its own namespace and storage, and shows none', async () => {
  const [acmes, globexs] = [world.path('acme'), world.path('globex')];
  const table = world.file(
    'tenants.json',
    JSON.stringify({
      tenants: [
        { name: 'acme', namespaces: ['acme'], apiKeyEnv: 'ACME_KEY', storage: acmes },
        { name: 'globex', taskQueues: ['globex'], namespaces: ['default'], apiKeyEnv: 'GLOBEX_KEY', storage: globexs },
      ],
    }),
  );
  const env = { ACME_KEY: KEY_OF_ACME, GLOBEX_KEY: WRONG_KEY, DRIA_API_KEY: undefined };
  const worker = await startWorker(world, ['--address', address, '--tenants', table], { env });
  expect(worker.stderr).toContain('Worker for the tenants acme, globex;');

  const output = world.path('results.jsonl');
  const batch = (name: string, storage: string, ...flags: string[]) => {
    const place = ['--address', address, '--storage', storage, '--on-pause', 'exit'];
    // The command looks at the endpoint with a key of its own.
    const own = { env: { DRIA_API_KEY: KEY_OF_ACME } };
    return world.run(['batch', world.prompts(name, 3), '-o', output, ...place, ...flags], own);
  };
  const good = await batch('good', acmes, '--namespace', 'acme');
  expect(good.code, good.stderr).toBe(0);
  expect(readResults(output)).toHaveLength(3);
  const bad = await batch('bad', globexs, '-t', 'globex');
  expect(bad.code, bad.stderr).toBe(1);
  expect(bad.stderr).toContain('401');
  worker.signal('SIGTERM');
  expect((await worker.ended).code).toBe(0);
  for (const { stderr } of [worker, good, bad]) expect(stderr).not.toMatch(/nobody-may-see|that-is-wrong/);
});
