import { readFileSync } from 'node:fs';

const SMALL = { concurrency: 3, chunkSize: 6 };
const MODELS = [
  { id: 'nanbeige:3b', nodes: 3 },
  { id: 'lfm2.5:1.2b', nodes: 2 },
];
const PICTURE = readFileSync(new URL('../../../examples/media/circle.png', import.meta.url), 'base64');
const ATTACHMENT = `data:image/png;base64,${PICTURE}`;

const down = (model) => ({ match: { model }, respond: { status: 503 } });
const slow = { latency: { kind: 'fixed', ms: 100 } };
const modelOf = ({ models }, id) => models.find((model) => model.id === id);
/** The number of Temporal's events of a type in the histories of all executions. */
const count = (histories, type) =>
  [...histories.values()].flatMap(({ events }) => events).filter(({ eventType }) => eventType === type).length;
/** True if some execution's last event is of the type. */
const ends = (histories, type) => [...histories.values()].some(({ events }) => events.at(-1).eventType === type);

/**
 * What is recorded. `simulator`, `options`, `items` (number) or `lines`: what is run. `steer` acts on the run that was
 * started, and returns once it has done so. `webhook`: the run's, with a path of the network for its URL. `fails`: the run does not complete. `smallHistory`: the server suggests
 * soon to continue as new. `killed`: the first worker is a process, for `steer` to kill. `keep`: which executions are
 * kept, by file name. `shows` returns true if the run did what the scenario is about, by its last progress and histories.
 */
export const SCENARIOS = {
  'full-parent': {
    options: { concurrency: 3, chunkSize: 1, pack: 1 },
    items: 450,
    keep: /^batch|^chunk-0$/,
    shows: ({ ok }, histories) => ok === 450 && isFull(histories.get('batch')),
  },
  'full-chunk': {
    options: { concurrency: 10, chunkSize: 1000, pack: 1 },
    items: 850,
    shows: ({ ok }, histories) => ok === 850 && isFull(histories.get('chunk-0')),
  },
  plain: {
    options: { ...SMALL, schema: { type: 'object' } },
    shows: ({ ok, chunks }) => ok === 12 && chunks.total === 2,
  },
  'model-down': {
    simulator: { models: MODELS, rules: [down('nanbeige:3b')] },
    shows: (progress) => progress.ok === 12 && modelOf(progress, 'nanbeige:3b').fallbacks > 0,
  },
  'model-cools': {
    simulator: {
      ...slow,
      models: MODELS,
      rules: [{ match: { model: 'nanbeige:3b', toRequest: 2 }, respond: { status: 503 } }],
    },
    options: { concurrency: 3, chunkSize: 240, pack: 6 },
    items: 240,
    shows: (progress) =>
      progress.ok === 240 && ['ok', 'fallbacks'].every((n) => modelOf(progress, 'nanbeige:3b')[n] > 0),
  },
  'all-models-down': {
    simulator: { models: MODELS, rules: MODELS.map(({ id }) => down(id)) },
    steer: async ({ reaches, request }) => {
      await reaches(({ state }) => state === 'waiting');
      await request('DELETE', 'rules');
    },
    shows: ({ ok }, histories) => ok === 12 && count(histories, 'EVENT_TYPE_TIMER_FIRED') > 0,
  },
  'models-stay-down': {
    simulator: { models: MODELS, rules: MODELS.map(({ id }) => down(id)) },
    options: { ...SMALL, retries: 1 },
    shows: ({ failed }) => failed === 12,
  },
  'endpoint-away': {
    simulator: slow,
    items: 24,
    steer: async ({ answered, request, reaches }) => {
      await answered(3);
      await request('POST', 'quirks', ['away=4,0']);
      await reaches(({ state }) => state === 'waiting');
    },
    shows: ({ ok }, histories) => ok === 24 && count(histories, 'EVENT_TYPE_TIMER_FIRED') > 0,
  },
  'rate-limited': {
    simulator: { rules: [{ match: { toRequest: 1 }, respond: { status: 429, retryAfterSecs: 3 } }] },
    shows: ({ ok }) => ok === 12,
  },
  retries: {
    simulator: {
      rules: [
        { match: { promptIncludes: 'prompt 3', toRequest: 2 }, respond: { status: 500 } },
        { match: { promptIncludes: 'prompt 7' }, respond: { status: 400 } },
        { match: { promptIncludes: 'prompt 8' }, respond: { status: 502 } },
      ],
    },
    options: { ...SMALL, retries: 1 },
    shows: ({ failed, retries }) => failed > 0 && retries > 0,
  },
  pause: {
    simulator: slow,
    options: { concurrency: 3, chunkSize: 30, pack: 10 },
    items: 60,
    steer: async ({ run, answered, reaches }) => {
      await answered(3);
      await run.pause();
      await reaches(({ permits }) => permits.used === 0);
      await run.resume();
    },
    shows: ({ ok }, histories) => ok === 60 && count(histories, 'EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED') > 0,
  },
  webhook: {
    // The network knows no such path: neither event is received.
    webhook: { url: '/hook', maxWaitSecs: 2 },
    smallHistory: true,
    options: { concurrency: 3, chunkSize: 8, pack: 2 },
    items: 24,
    steer: async ({ run, answered }) => {
      await answered(3);
      await run.pause();
      await run.resume();
    },
    shows: ({ ok, notes }, histories) =>
      ok === 24 &&
      notes.some((note) => note.startsWith('the webhook did not get run.completed')) &&
      histories.has('batch-2'),
  },
  quota: {
    simulator: { quirks: ['quota=5,openai'] },
    steer: async ({ run, reaches, request }) => {
      await reaches(({ pausedBy }) => pausedBy === 'credits');
      await request('POST', 'credits', { add: 100 });
      await run.resume();
    },
    shows: ({ ok }) => ok === 12,
  },
  'all-refused': {
    simulator: { quirks: ['same-4xx=bad-setting'] },
    options: { concurrency: 3, chunkSize: 30, pack: 10 },
    items: 60,
    steer: async ({ run, reaches, request }) => {
      await reaches(({ pausedBy }) => pausedBy === 'refused');
      await request('DELETE', 'quirks');
      await run.resume();
    },
    shows: ({ ok }) => ok === 60,
  },
  'refused-key': {
    simulator: { rules: [{ match: { fromRequest: 5 }, respond: { status: 401 } }] },
    fails: true,
    shows: ({ reason }, histories) => reason.includes('401') && ends(histories, 'EVENT_TYPE_WORKFLOW_EXECUTION_FAILED'),
  },
  'modality-refused': {
    simulator: { quirks: ['no-images=openrouter'] },
    lines: Array.from({ length: 12 }, (_, n) => ({
      prompt: `prompt ${n}`,
      ...(n % 3 === 0 ? { attachment: ATTACHMENT } : {}),
    })),
    shows: ({ ok, failed }) => ok === 8 && failed === 4,
  },
  cancel: {
    simulator: slow,
    steer: async ({ run, answered }) => {
      await answered(3);
      await run.cancel();
    },
    fails: true,
    shows: (_progress, histories) => ends(histories, 'EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED'),
  },
  recover: {
    simulator: slow,
    steer: async ({ run, answered, start }) => {
      await answered(7);
      await run.cancel();
      await run.result().catch(() => undefined);
      await start();
    },
    shows: ({ ok }, histories) => ok === 12 && histories.has('batch-2') && histories.has('chunk-0-2'),
  },
  'retry-failed': {
    simulator: { rules: [{ match: { promptIncludes: 'prompt 3', toRequest: 1 }, respond: { status: 422 } }] },
    steer: async ({ run, start }) => {
      await run.result();
      await start({ retryFailed: true });
    },
    shows: ({ ok, failed }, histories) => ok === 12 && failed === 0 && histories.has('batch-2'),
  },
  set: {
    simulator: slow,
    options: { concurrency: 4, chunkSize: 20, pack: 5 },
    items: 60,
    steer: async ({ run, answered }) => {
      await answered(6);
      await run.set({ concurrency: 1, model: 'nanbeige:3b', maxTokens: 99 });
      await answered(12);
      await run.set({ concurrency: 5, model: null, retries: 1 });
    },
    shows: ({ ok }) => ok === 60,
  },
  'many-permits': {
    simulator: slow,
    options: { concurrency: 24, chunkSize: 40 },
    items: 120,
    steer: async ({ run, answered, reaches }) => {
      await answered(20);
      await run.set({ concurrency: 6 });
      await reaches(({ permits }) => permits.used <= 6);
      await run.pause();
      await run.resume();
    },
    shows: ({ ok }) => ok === 120,
  },
  limits: {
    simulator: { ...slow, credits: 1000 },
    options: { ...SMALL, maxTotalTokens: 80, maxCredits: 500 },
    items: 18,
    steer: async ({ run, reaches }) => {
      await reaches(({ pausedBy }) => pausedBy === 'budget');
      await run.set({ maxTotalTokens: null });
    },
    shows: ({ ok }) => ok === 18,
  },
  canary: {
    options: { ...SMALL, canary: 3 },
    items: 18,
    steer: async ({ run, reaches }) => {
      await reaches(({ pausedBy }) => pausedBy === 'canary');
      await run.resume();
    },
    shows: ({ ok, canary }) => ok === 18 && canary.phase === 'passed',
  },
  'worker-killed': {
    simulator: slow,
    items: 24,
    killed: true,
    steer: async ({ answered, replaceWorker }) => {
      await answered(5);
      await replaceWorker();
    },
    shows: ({ ok }, histories) => ok === 24 && count(histories, 'EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT') > 0,
  },
  'invalid-input': {
    lines: [{ prompt: '' }],
    fails: true,
    shows: (_progress, histories) => ends(histories, 'EVENT_TYPE_WORKFLOW_EXECUTION_FAILED'),
  },
  'parent-continues': {
    simulator: slow,
    options: { concurrency: 3, chunkSize: 8, pack: 2 },
    items: 40,
    smallHistory: true,
    // A chunk that yielded is another execution, and no continuation.
    shows: ({ ok }, histories) => ok === 40 && histories.has('batch-2') && histories.has('chunk-0-2'),
  },
  'chunk-continues': {
    options: { concurrency: 4, chunkSize: 40, pack: 1 },
    items: 40,
    smallHistory: true,
    shows: ({ ok }, histories) => ok === 40 && ends(histories, 'EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW'),
  },
};

/** True if a history was as long as the workflows let one become, and continued. */
function isFull({ events }) {
  return events.length >= 3_000 && events.at(-1).eventType === 'EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW';
}
