import { Webhook } from 'standardwebhooks';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type RunEvent, runEventSchema } from '../../src/batch/run-event.js';
import type { BatchHandle } from '../../src/client.js';
import { type Received, type Script, ScriptedServer } from '../dria/scripted-server.js';
import { progressUntil, prompts, World, type WorldOptions } from '../support/batch-world.js';
import { freePort } from '../support/free-ports.js';
import { until } from '../support/until.js';

const SECRET = `whsec_${Buffer.alloc(32, 3).toString('base64')}`;

let receivers: ScriptedServer[] = [];
beforeEach(() => {
  receivers = [];
});
afterEach(() => Promise.all(receivers.map((receiver) => receiver.close())));

/** A receiver of webhooks with a script, and what it got: each message verified as a receiver does. */
async function receiver(script: Script) {
  const server = await new ScriptedServer(script).listen();
  receivers.push(server);
  return { url: `http://127.0.0.1:${server.port}/hook`, events: () => server.received.map(verified), server };
}

function verified({ body, headers }: Received): RunEvent & { readonly id: string } {
  const strings = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
  const event = runEventSchema.parse(new Webhook(SECRET).verify(body, strings));
  return { ...event, id: strings['webhook-id'] ?? '' };
}

async function open(options: WorldOptions = {}): Promise<World> {
  const world = await World.open({ ...options, noWorker: true });
  await world.startWorker({ webhookSecret: SECRET, webhookHosts: 'any' });
  return world;
}

async function historyOf(world: World, run: BatchHandle): Promise<string> {
  const history = await world.client.workflow.getHandle(run.id).fetchHistory();
  return JSON.stringify(history, (_key, value: unknown) =>
    value instanceof Uint8Array ? Buffer.from(value).toString() : value,
  );
}

describe('the webhook of a run', () => {
  it('gets its end once its receiver answers well, by attempts with one id, and no history has the secret', async () => {
    const { url, events, server } = await receiver((response, _request, n) =>
      response.writeHead(n < 3 ? 500 : 200).end(),
    );
    const world = await open();
    const run = await world.start(prompts(2), { webhook: { url } });
    const result = await run.result();
    expect(result).toMatchObject({ state: 'completed', ok: 2 });
    expect(result.notes).toBeUndefined();
    const sent = events();
    expect(sent.map(({ type }) => type)).toEqual(['run.completed', 'run.completed', 'run.completed']);
    expect(new Set(sent.map(({ id }) => id)).size).toBe(1);
    expect(new Set(server.received.map(({ body }) => body)).size).toBe(1);
    expect(sent[0]?.data).toMatchObject({ runId: run.id, outcome: 'all', items: 2, ok: 2, results: result.results });
    const history = await historyOf(world, run);
    expect(history).toContain('sendWebhook');
    expect(history).not.toContain(SECRET.slice(6));
  });

  it('gets a pause and then the end, though the receiver of the pause hangs', async () => {
    const { url, events } = await receiver((response, { body }) => {
      if (!body.includes('run.paused')) response.end();
    });
    const world = await open();
    const run = await world.start(prompts(6), { webhook: { url }, options: { maxTotalTokens: 1, concurrency: 1 } });
    await progressUntil(run, 'it pauses', ({ state }) => state === 'paused');
    await until('the receiver got the pause', () => events().length === 1);
    await run.set({ maxTotalTokens: null });
    expect(await run.result()).toMatchObject({ state: 'completed', ok: 6 });
    const [pause, end] = events();
    expect(pause).toMatchObject({
      type: 'run.paused',
      data: { pausedBy: 'budget', items: 6, reason: expect.any(String) },
    });
    expect(end).toMatchObject({ type: 'run.completed', data: { ok: 6 } });
    expect(pause?.id).not.toBe(end?.id);
  });

  it('that nobody receives ends no run and delays it for its time only; a note says so', async () => {
    const world = await open();
    const redirect = await receiver((response) => response.writeHead(302, { location: 'http://127.0.0.1:9/' }).end());
    const closed = `http://127.0.0.1:${await freePort()}/hook`;
    const runs = [
      await world.start(prompts(1), { webhook: { url: closed, maxWaitSecs: 5 } }),
      await world.start(prompts(1), { webhook: { url: redirect.url } }),
    ];
    const [dead, moved] = await Promise.all(runs.map((run) => run.result()));
    expect([dead?.state, dead?.notes]).toEqual([
      'completed',
      [expect.stringMatching(/^the webhook did not get run\.completed: 127\.0\.0\.1:\d+: connection refused/)],
    ]);
    expect(moved?.notes).toEqual([expect.stringMatching(/answered 302: redirects are not followed$/)]);
    expect(redirect.server.received).toHaveLength(1);
    expect((await runs[0]?.progress())?.notes).toEqual(dead?.notes);
  });

  it('gets the failure of a run that could not begin, and the cancellation of one that had', async () => {
    const { url, events } = await receiver((response) => response.end());
    const world = await open({ simulator: { latency: { kind: 'fixed', ms: 100 } } });
    const failed = await world.start([{ prompt: '' }], { webhook: { url } });
    await expect(failed.result()).rejects.toThrow();
    const run = await world.start(prompts(40), { webhook: { url }, options: { concurrency: 1 } });
    await world.answered(1);
    await run.cancel();
    await expect(run.result()).rejects.toThrow();
    expect(events()).toEqual([
      expect.objectContaining({
        type: 'run.failed',
        data: expect.objectContaining({
          runId: failed.id,
          items: 0,
          reason: expect.stringContaining('must not be empty'),
        }),
      }),
      expect.objectContaining({ type: 'run.cancelled', data: expect.objectContaining({ runId: run.id, items: 40 }) }),
    ]);
  });

  it('to a host that the operator does not allow fails the run before anything is sent', async () => {
    const { url, server } = await receiver((response) => response.end());
    const world = await World.open({ noWorker: true });
    await world.startWorker({ webhookSecret: SECRET, webhookHosts: ['hooks.example.com'] });
    const run = await world.start(prompts(1), { webhook: { url } });
    await expect(run.result()).rejects.toMatchObject({
      cause: {
        type: 'InvalidInput',
        message: expect.stringMatching(/sends no webhooks to 127\.0\.0\.1:\d+.*now: hooks\.example\.com/),
      },
    });
    expect([server.received, (await world.stats()).requests]).toEqual([[], 0]);
  });
});
