import { expect, it } from 'vitest';
import type { Progress } from '../../src/batch/progress.js';
import type { BatchHandle } from '../../src/client.js';
import { completion, ScriptedServer } from '../dria/scripted-server.js';
import { askedTimes, progressUntil, prompts, World } from '../support/batch-world.js';
import { causeOf } from '../support/failures.js';
import { until } from '../support/until.js';
import { proxyBy, scriptedWorld, startWorkerFor } from './scripted-world.js';
import { errorsOf, openAi } from './shapes.js';

const MODEL = 'nanbeige:3b';
const ONE = [{ id: MODEL, nodes: 4 }];
const slow = (ms: number) => ({ kind: 'fixed', ms }) as const;
const once = (count: number) => Array(count).fill(1);

it.each(['openai', 'array'])(
  '4: pauses when the quota is used up (%s), with the words, and goes on when it is there again',
  async (shape) => {
    const world = await World.open({ simulator: { models: ONE, latency: slow(20), quirks: [`quota=7,${shape}`] } });
    const run = await world.start(prompts(20), { options: { concurrency: 3 } });
    const paused = await progressUntil(run, 'the run pauses', ({ state }) => state === 'paused');
    expect(paused).toMatchObject({
      pausedBy: 'credits',
      failed: 0,
      reason: expect.stringContaining('You exceeded your current quota'),
    });
    await until('the requests in flight have ended', async () => (await world.stats()).inFlight === 0);
    await world.steer('POST', 'credits', { add: 100 });
    await run.resume();
    expect(await run.result()).toMatchObject({ ok: 20, failed: 0 });
    expect([...askedTimes(await world.requests(), true).values()]).toEqual(once(20));
  },
);

it.each([
  {
    status: 429,
    body: { error: { message: 'Billing hard limit has been reached', code: 'billing_hard_limit_reached' } },
  },
  { status: 402, body: 'Insufficient Balance' },
  {
    status: 429,
    body: {
      error: { message: 'Rate limit reached on tokens per day (TPD): Limit 100000, Used 99999', type: 'tokens' },
    },
  },
])('4: pauses by $status $body', async ({ status, body }) => {
  const words = typeof body === 'string' ? body : body.error.message;
  const { world, chats } = await scriptedWorld((response, { prompt }) =>
    prompt === 'prompt 0'
      ? response.end(completion('yes'))
      : response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body)),
  );
  const run = await world.start(prompts(20), { options: { concurrency: 2 } });
  const paused = await progressUntil(run, 'the run pauses', ({ state }) => state === 'paused');
  expect(paused).toMatchObject({ pausedBy: 'credits', failed: 0, reason: expect.stringContaining(words.slice(0, 40)) });
  expect(chats.length).toBeLessThanOrEqual(6);
  await run.cancel();
});

it.each([
  { quirks: ['restricted-key'], options: { model: MODEL } },
  { quirks: ['restricted-key=balance'], options: {} },
  { quirks: ['restricted-key=models'], options: { model: MODEL } },
  { quirks: ['no-balance'], options: {} },
])('6: runs although the look-ups answer otherwise ($quirks, $options)', async ({ quirks, options }) => {
  const world = await World.open({ simulator: { models: ONE, quirks } });
  const run = await world.start(prompts(5), { options });
  expect(await run.result()).toMatchObject({ ok: 5, failed: 0 });
});

it.each([401, 500])(
  '6: runs with a chosen model although the models list answers %i',
  async (modelsList) => {
    const world = await World.open({ simulator: { models: ONE }, modelsList, noBalance: true });
    const run = await world.start(prompts(5), { options: { model: MODEL } });
    expect(await run.result()).toMatchObject({ ok: 5, failed: 0 });
  },
  30_000,
);

it('6: ends with an error that names -m where there is neither a model nor a list', async () => {
  const world = await World.open({ simulator: { models: ONE, quirks: ['restricted-key'] } });
  const run = await world.start(prompts(5));
  const { message } = await causeOf(run.result());
  expect(message).toContain('403');
  expect(message).toContain('-m');
  expect((await world.stats()).requests).toBe(0);
});

it('8: pauses with the one refusal of the first items instead of failing the input, and goes on when it is mended', async () => {
  const world = await World.open({ simulator: { models: ONE, latency: slow(5), quirks: ['same-4xx=bad-setting'] } });
  const run = await world.start(prompts(200), { options: { concurrency: 4 } });
  expect(await pausedOrCompleted(run)).toMatchObject({
    state: 'paused',
    pausedBy: 'refused',
    failed: 0,
    reason: expect.stringContaining("'max_tokens' must be less than or equal to 16"),
  });
  expect((await world.stats()).requests).toBeLessThanOrEqual(20);
  await world.steer('DELETE', 'quirks');
  await run.resume();
  expect(await run.result()).toMatchObject({ ok: 200, failed: 0 });
}, 30_000);

it.each([{ model: MODEL }, {}])(
  '8: pauses where the only model does not exist (%o), instead of failing the input',
  async (options) => {
    const world = await World.open({
      simulator: { models: ONE, latency: slow(5), quirks: ['same-4xx=model-not-found'] },
    });
    const run = await world.start(prompts(200), { options: { concurrency: 4, ...options } });
    expect(await pausedOrCompleted(run)).toMatchObject({
      state: 'paused',
      pausedBy: 'refused',
      failed: 0,
      reason: expect.stringContaining('does not exist or you do not have access'),
    });
    expect((await world.stats()).requests).toBeLessThanOrEqual(20);
  },
  30_000,
);

it.each([
  {
    status: 422,
    body: {
      detail: [
        { loc: ['body', 'temperature'], msg: 'ensure this value is less than or equal to 0.5', type: 'value_error' },
      ],
    },
  },
  { status: 415, body: 'Unsupported Media Type' },
])(
  '8: pauses with $status $body',
  async ({ status, body }) => {
    const { world, chats } = await scriptedWorld((response) =>
      response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body)),
    );
    const run = await world.start(prompts(100), { options: { concurrency: 4 } });
    const paused = await progressUntil(run, 'the run pauses or ends', ({ state }) =>
      ['paused', 'completed'].includes(state),
    );
    expect(paused).toMatchObject({
      state: 'paused',
      pausedBy: 'refused',
      failed: 0,
      reason: expect.stringContaining(String(status)),
    });
    expect(chats.length).toBeLessThanOrEqual(20);
    await run.cancel();
  },
  30_000,
);

it('8: fails each of a few items with its own words, where there are fewer than a handful', async () => {
  const world = await World.open({ simulator: { models: ONE, quirks: ['same-4xx=bad-setting'] } });
  const run = await world.start(prompts(2));
  expect(await run.result()).toMatchObject({ ok: 0, failed: 2, failedByKind: { 400: 2 } });
});

it('10: waits while the endpoint refuses connections, shows it, and uses no attempt', async () => {
  const world = await World.open({ simulator: { models: ONE, latency: slow(100) } });
  const run = await world.start(prompts(60), { options: { concurrency: 2, retries: 1, detail: true } });
  await world.answered(6);
  await world.steer('POST', 'quirks', ['away=6,0']);
  const waiting = await progressUntil(run, 'the run waits', ({ state }) => state === 'waiting');
  expect(waiting.waiting).toMatchObject({
    text: expect.stringMatching(/^network: /),
    since: expect.any(Number),
    until: expect.any(Number),
  });
  const { results, ...summary } = await run.result();
  expect(summary).toMatchObject({ ok: 60, failed: 0 });
  // Only requests that were cut off in the middle are attempts: those in flight when it went away.
  const again = world.output(results).filter(({ attempts }) => attempts !== 1);
  expect(again.length).toBeLessThanOrEqual(2);
}, 45_000);

it.each([
  { shape: 'a port where nobody listens', baseUrl: 'http://127.0.0.1:9/v1' },
  { shape: 'a name that does not exist', baseUrl: 'http://nowhere.invalid/v1' },
])(
  '10: shows the wait for $shape, and fails the items with its words when it was too long',
  async ({ baseUrl }) => {
    const world = await World.open({ noWorker: true });
    await startWorkerFor(world, baseUrl);
    const run = await world.start(prompts(5), { options: { model: 'm', retries: 0, maxWaitSecs: 3 } });
    const { waiting } = await progressUntil(run, 'the run waits', ({ state }) => state === 'waiting');
    expect(waiting).toMatchObject({
      text: expect.stringMatching(/^network: /),
      since: expect.any(Number),
      until: expect.any(Number),
    });
    const { results, ...summary } = await run.result();
    expect(summary).toMatchObject({ ok: 0, failed: 5 });
    expect(new Set(Object.values(errorsOf(world.output(results))))).toEqual(new Set([waiting?.text]));
  },
  45_000,
);

it.each(['llama', 'huggingface'])(
  '11: waits while the model loads (%s), with the words, and answers all',
  async (shape) => {
    const world = await World.open({ simulator: { models: ONE, latency: slow(5), quirks: [`loading=3,${shape}`] } });
    const run = await world.start(prompts(20), { options: { concurrency: 4, retries: 0 } });
    const { waiting } = await progressUntil(run, 'the run waits', ({ state }) => state === 'waiting');
    expect(waiting?.text).toMatch(/^503: .*[Ll]oading/);
    expect(await run.result()).toMatchObject({ ok: 20, failed: 0 });
    // Those that were under way, and one more if the last wait was a little short.
    expect((await world.stats()).byStatus['503']).toBeLessThanOrEqual(8);
    const requests = await world.requests();
    const refusedAt = requests.find(({ status }) => status === 503)?.at ?? 0;
    const answeredAt = requests.find(({ status }) => status === 200)?.at ?? 0;
    // As asked, and not the 15 s that a 503 without a time is waited for.
    expect(answeredAt - refusedAt).toBeLessThan(12_000);
  },
  30_000,
);

it('11: fails the items with the words when the model does not come', async () => {
  const world = await World.open({ simulator: { models: ONE, quirks: ['loading=600,llama'] } });
  const run = await world.start(prompts(5), { options: { retries: 0, maxWaitSecs: 2 } });
  const { results, ...summary } = await run.result();
  expect(summary).toMatchObject({ ok: 0, failed: 5, failedByKind: { 503: 5 } });
  expect(new Set(Object.values(errorsOf(world.output(results))))).toEqual(new Set(['503: Loading model']));
}, 30_000);

it.each(['json_validate_failed', '529'])('17: asks again what was refused for the moment only (%s)', async (kind) => {
  const world = await World.open({ simulator: { models: ONE, quirks: [`passing-4xx=${kind}`] } });
  const run = await world.start(prompts(3), { options: { concurrency: 3, retries: 1 } });
  expect(await run.result()).toMatchObject({ ok: 3, failed: 0, requests: 6 });
});

it.each([
  { status: 408, body: '' },
  { status: 400, body: { error: { message: 'Internal server error', code: '500' } } },
  { status: 520, body: '<html><head><title>Web server is returning an unknown error</title></head></html>' },
])('17: asks again after $status $body', async ({ status, body }) => {
  const { world } = await scriptedWorld((response, _chat, n) =>
    n === 1
      ? response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body))
      : response.end(completion('yes')),
  );
  const run = await world.start(['one'], { options: { retries: 1 } });
  expect(await run.result()).toMatchObject({ ok: 1, failed: 0, requests: 2 });
});

it.each(['no-usage', 'huge-usage'])(
  '20: holds a limit in tokens on an endpoint with %s',
  async (quirk) => {
    const world = await World.open({ simulator: { models: ONE, answerTokens: 50, latency: slow(5), quirks: [quirk] } });
    const run = await world.start(prompts(100), { options: { concurrency: 2, maxTotalTokens: 800 } });
    const paused = await progressUntil(run, 'the run pauses or ends', ({ state }) =>
      ['paused', 'completed'].includes(state),
    );
    expect(paused).toMatchObject({ state: 'paused', pausedBy: 'budget' });
    expect(paused.ok).toBeLessThan(100);
    await run.cancel();
  },
  30_000,
);

it('20: says that tokens are estimated where the endpoint counts none', async () => {
  const world = await World.open({ simulator: { models: ONE, quirks: ['no-usage'] } });
  const run = await world.start(prompts(20), { options: { concurrency: 1, pack: 5 } });
  expect((await run.result()).notes).toEqual([expect.stringContaining('estimate')]);
});

it.each(['seconds', 'reset'])(
  '21: waits once for as long as a limit asks (%s)',
  async (form) => {
    const world = await World.open({
      simulator: { models: ONE, latency: slow(5), quirks: [`long-retry-after=3,${form}`] },
    });
    const run = await world.start(prompts(20), { options: { concurrency: 4, retries: 0 } });
    expect(await run.result()).toMatchObject({ ok: 20, failed: 0 });
    const limited = (await world.requests()).filter(({ status }) => status === 429);
    // Those that were under way when the first came.
    expect(limited.length).toBeLessThanOrEqual(4);
  },
  30_000,
);

it.each(['ms'])(
  '21: shows a wait of a quarter of an hour as one, with its end (%s), and asks nothing meanwhile',
  async (form) => {
    const world = await World.open({ simulator: { models: ONE, quirks: [`long-retry-after=900,${form}`] } });
    const run = await world.start(prompts(20), { options: { concurrency: 4 } });
    const { waiting, failed } = await progressUntil(run, 'the run waits', ({ state }) => state === 'waiting');
    expect(waiting?.text).toBe('429: Rate limit reached for requests');
    expect((waiting?.until ?? 0) - (waiting?.since ?? 0)).toBeGreaterThan(800_000);
    expect(failed).toBe(0);
    const { requests } = await world.stats();
    expect(requests).toBeLessThanOrEqual(4);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect((await world.stats()).requests).toBe(requests);
    await run.cancel();
  },
  30_000,
);

it('22: goes through a proxy that knows no CONNECT to http://', async () => {
  const { world, chats } = await scriptedWorld((response) => response.end(completion('yes')), {
    baseUrl: 'http://models.example/v1',
  });
  const run = await world.start(prompts(3));
  expect(await run.result()).toMatchObject({ ok: 3, requests: 3 });
  expect(chats[0]?.path).toBe('http://models.example/v1/chat/completions');
});

it('22: names a proxy that breaks off the wish for a tunnel, at once', async () => {
  const proxy = await new ScriptedServer((response) => response.writeHead(405).end()).listen();
  proxyBy(`http://127.0.0.1:${proxy.port}`);
  const world = await World.open({ noWorker: true });
  await startWorkerFor(world, 'https://models.example/v1');
  const run = await world.start(prompts(3), { options: { model: 'm', maxWaitSecs: 2, retries: 0 } });
  const { results, ...summary } = await run.result();
  expect(summary).toMatchObject({ failed: 3 });
  expect(new Set(Object.values(errorsOf(world.output(results))))).toEqual(
    new Set([expect.stringMatching(/^network: .*proxy/)]),
  );
  await proxy.close();
}, 45_000);

it.each(['encoded=gzip', 'encoded=deflate', 'encoded=br', 'bom', 'sse'])(
  '24: reads answers with %s, each at its first request',
  async (quirk) => {
    const world = await World.open({ simulator: { models: ONE, quirks: [quirk] } });
    const run = await world.start(prompts(5));
    const { results, ...summary } = await run.result();
    expect(summary).toMatchObject({ ok: 5, requests: 5 });
    expect(world.output(results).every(({ output, tokens }) => output && Number(tokens) > 0)).toBe(true);
  },
);

it('24: reads the words of errors that are compressed, begin with a mark, or come as events', async () => {
  const world = await World.open({ simulator: { models: ONE, quirks: ['encoded=gzip', 'bom', 'passing-4xx=529'] } });
  const run = await world.start(prompts(3), { options: { retries: 0 } });
  const { results } = await run.result();
  expect(world.output(results).map(({ error }) => error)).toEqual(Array(3).fill('529: Overloaded'));
});

it('24: reads an event stream with an error in its middle as that error', async () => {
  const { world } = await scriptedWorld((response) =>
    response
      .writeHead(200, { 'content-type': 'text/event-stream' })
      .end(
        `data: {"choices":[{"delta":{"content":"ha"}}]}\n\ndata: ${JSON.stringify(openAi('the engine died', { code: 500 }))}\n\n`,
      ),
  );
  const run = await world.start(['one'], { options: { retries: 0 } });
  const { results } = await run.result();
  expect(world.output(results)[0]?.error).toContain('the engine died');
});

function pausedOrCompleted(run: BatchHandle): Promise<Progress> {
  return progressUntil(run, 'the run pauses or ends', ({ state }) => ['paused', 'completed'].includes(state));
}
