import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { endEvent } from '../../src/batch/run-event.js';
import type { WebhookInput } from '../../src/batch/step-contract.js';
import { runDirectory } from '../../src/store/run-directory.js';
import { Webhooks } from '../../src/webhook/webhooks.js';
import { always, ScriptedServer } from '../dria/scripted-server.js';
import { answer } from '../store/store-world.js';
import { ActivityWorld, CHAIN, failureOf, RUN } from '../support/activity-env.js';

const baseUrl = 'http://127.0.0.1:9/v1';
const webhooks = new Webhooks({ secret: `whsec_${Buffer.alloc(32).toString('base64')}`, hosts: 'any' });

let status = 200;
let receiver: ScriptedServer;
let url: string;
beforeEach(async () => {
  receiver = await new ScriptedServer((...given) => always(status, '', { 'retry-after': '5' })(...given)).listen();
  onTestFinished(() => receiver.close());
  url = `http://127.0.0.1:${receiver.port}/hook`;
  status = 200;
});

const event = endEvent({ runId: RUN, state: 'completed' }, 0);

function input(more: Partial<WebhookInput> = {}): WebhookInput {
  return { run: RUN, url, id: 'msg_1', event, ...more };
}

describe('sendWebhook', () => {
  it('sends an event of a run of which nothing is stored', async () => {
    const world = await ActivityWorld.open({ baseUrl, webhooks });
    await world.run('sendWebhook', input());
    expect(receiver.received.map(({ body }) => JSON.parse(body))).toEqual([event]);
  });

  it.each([
    [503, { type: 'WebhookFailed', nonRetryable: false, nextRetryDelay: 5000 }],
    [302, { type: 'WebhookFailed', nonRetryable: true }],
  ])('answered by %i fails as %j', async (answer, failure) => {
    status = answer;
    const world = await ActivityWorld.open({ baseUrl, webhooks });
    expect(await failureOf(world.run('sendWebhook', input()))).toMatchObject(failure);
  });

  it.each<[string, object]>([
    ['what is no event', { event: { type: 'invoice.paid', timestamp: event.timestamp, data: { amount: 5 } } }],
    ['an id that could be read as another message', { id: 'msg.1700000000' }],
    ['a URL with a password', { url: 'http://u:p@127.0.0.1/' }],
  ])('signs and sends nothing of %s', async (_what, more) => {
    const world = await ActivityWorld.open({ baseUrl, webhooks });
    const failure = await failureOf(world.run('sendWebhook', { ...input(), ...more }));
    expect(failure).toMatchObject({ type: 'InvalidInput', nonRetryable: true });
    expect(receiver.received).toEqual([]);
  });

  it('is refused by a worker that sends none', async () => {
    const world = await ActivityWorld.open({ baseUrl });
    expect(await failureOf(world.run('sendWebhook', input()))).toMatchObject({
      type: 'InvalidInput',
      nonRetryable: true,
    });
  });
});

describe('a worker that others than the owner of the runs can reach', () => {
  it('sends to the address that is stored for the run, and to no other, whoever asks', async () => {
    const first = await ActivityWorld.open({ baseUrl, webhooks });
    await first.prepare(['a'], { webhook: { url } });
    const world = await first.beside({ baseUrl, webhooks, stagedOnly: true });
    await world.run('sendWebhook', input());
    const other = `http://localhost:${receiver.port}/hook`;
    for (const more of [{ url: other }, { run: 'another' }]) {
      expect(await failureOf(world.run('sendWebhook', input(more)))).toMatchObject({ type: 'InvalidInput' });
    }
    expect(receiver.received).toHaveLength(1);
  });

  it('takes no run with another webhook than a command has stored', async () => {
    const first = await ActivityWorld.open({ baseUrl, webhooks });
    await first.prepare(['a'], { webhook: { url } });
    const { input: staged, attachments } = JSON.parse(await first.text(runDirectory(RUN).settings));
    const world = await first.beside({ baseUrl, webhooks, stagedOnly: true });
    const taken = (to: string) =>
      world.run('readManifest', {
        run: RUN,
        chain: CHAIN,
        batch: { input: staged, attachments, webhook: { url: to } },
      });
    expect((await taken(url)).manifest.items).toBe(1);
    const failure = await failureOf(taken(`http://localhost:${receiver.port}/hook`));
    expect(failure.message).toMatch(/the webhook of .* are not what a command has stored here/);
  });
});

describe('readManifest', () => {
  it('refuses a webhook that its worker may not send, before the input is read', async () => {
    const hosts = ['hooks.example.com'];
    const secret = `whsec_${Buffer.alloc(32).toString('base64')}`;
    const world = await ActivityWorld.open({ baseUrl, webhooks: new Webhooks({ secret, hosts }) });
    const failure = await failureOf(world.prepare(['a'], { input: '/no/such/file', webhook: { url } }));
    expect(failure).toMatchObject({ type: 'InvalidInput', nonRetryable: true });
    expect(failure.message).toContain(`sends no webhooks to 127.0.0.1:${receiver.port}`);
  });

  it('refuses no run that has answers already for its webhook', async () => {
    const world = await ActivityWorld.open({ baseUrl });
    await world.prepare(['a']);
    await world.append(answer(0));
    expect((await world.prepare(['a'], { webhook: { url } })).hasOutcomes).toBe(true);
  });
});
