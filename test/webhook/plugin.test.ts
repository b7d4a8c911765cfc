import { tmpdir } from 'node:os';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { Webhook } from 'standardwebhooks';
import { beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import { endEvent } from '../../src/batch/run-event.js';
import { DriaBatchPlugin, type DriaBatchPluginOptions } from '../../src/plugin.js';
import { ScriptedServer } from '../dria/scripted-server.js';

const secretOf = (byte: number) => `whsec_${Buffer.alloc(32, byte).toString('base64')}`;
const [OWN, ACMES] = [secretOf(1), secretOf(2)];
const COMMON = { baseUrl: 'http://127.0.0.1:9/v1', storage: tmpdir() };

let receiver: ScriptedServer;
beforeEach(async () => {
  receiver = await new ScriptedServer((response) => response.end()).listen();
  onTestFinished(() => receiver.close());
  vi.stubEnv('DRIA_WEBHOOK_SECRET', OWN);
  vi.stubEnv('DRIA_TEMPORAL_WEBHOOK_HOSTS', `127.0.0.1:${receiver.port}`);
  onTestFinished(() => void vi.unstubAllEnvs());
});

/** Sends a webhook as an activity of a worker with the plugin, on a task queue. Returns the secret that it was signed with. */
async function send(options: DriaBatchPluginOptions, taskQueue: string): Promise<string> {
  const { activities } = new DriaBatchPlugin({ ...COMMON, ...options }).configureWorker({ taskQueue });
  const activity: unknown = new Map(Object.entries(activities ?? {})).get('dria.sendWebhook');
  if (typeof activity !== 'function') throw new Error('the plugin has no such activity');
  const environment = new MockActivityEnvironment({ taskQueue }, { logger: new DefaultLogger('ERROR') });
  const url = `http://127.0.0.1:${receiver.port}/`;
  const input = { run: 'r', url, id: 'msg_1', event: endEvent({ runId: 'r', state: 'completed' }, 0) };
  await environment.run(async () => await activity(input));
  const [{ body, headers } = { body: '', headers: {} }] = receiver.received;
  const strings = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
  return [OWN, ACMES].find((secret) => isBy(secret, body, strings)) ?? 'another secret';
}

function isBy(secret: string, body: string, headers: Record<string, string>): boolean {
  try {
    new Webhook(secret).verify(body, headers);
    return true;
  } catch {
    return false;
  }
}

it('signs with the secret of the environment, to the hosts of the environment', async () => {
  expect(await send({ apiKey: 'k' }, 'q')).toBe(OWN);
});

it('sends to no host that its options do not name, whatever the environment says', async () => {
  await expect(send({ apiKey: 'k', webhookHosts: [] }, 'q')).rejects.toThrow(/sends no webhooks to .*now: none/);
});

it("signs a tenant's webhooks with the tenant's own secret, and sends none without one", async () => {
  const tenants = [
    { name: 'acme', taskQueues: ['acme'], apiKey: 'a', webhookSecret: ACMES },
    { name: 'globex', taskQueues: ['globex'], apiKey: 'g' },
    { name: 'initech', taskQueues: ['initech'], apiKey: 'i', webhookSecret: ACMES, webhookHosts: [] },
  ];
  await expect(send({ tenants }, 'globex')).rejects.toThrow(/no secret to sign webhooks with/);
  await expect(send({ tenants }, 'initech')).rejects.toThrow(/sends no webhooks to/);
  expect(receiver.received).toEqual([]);
  expect(await send({ tenants }, 'acme')).toBe(ACMES);
});

it.each<[DriaBatchPluginOptions, RegExp]>([
  [{ webhookSecret: 'whsec_x' }, /DRIA_WEBHOOK_SECRET is not/],
  [{ webhookHosts: ['https://a.test'] }, /the webhook host https:\/\/a\.test is none/],
])('refuses a secret or a host that is none when it is made', (options, words) => {
  expect(() => new DriaBatchPlugin({ ...COMMON, apiKey: 'k', ...options })).toThrow(words);
});
