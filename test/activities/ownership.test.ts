import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { BatchInput, PreparedRun } from '../../src/batch/run.js';
import type { ExecutionChain } from '../../src/batch/step-contract.js';
import { questionOf, readOwner } from '../../src/store/owner.js';
import { runDirectory } from '../../src/store/run-directory.js';
import { simulator } from '../simulator/harness.js';
import { ActivityWorld, CHAIN, failureOf, RUN } from '../support/activity-env.js';
import { ROOT } from '../support/build.js';

const PICTURE = readFileSync(join(ROOT, 'examples/media/circle.png'));
const OTHER: ExecutionChain = { ...CHAIN, firstRunId: 'second' };
const ELSEWHERE: ExecutionChain = { namespace: 'elsewhere', firstRunId: 'third' };
const SCHEMA = { type: 'object', properties: { a: { type: 'string' } } };

type Batch = Partial<BatchInput>;

/** A run directory whose first run has read its input. */
async function begun(batch: Batch = {}): Promise<ActivityWorld> {
  const world = await ActivityWorld.open({ baseUrl: (await simulator()).url });
  await world.prepare(['zero', 'one'], batch);
  return world;
}

/** The same with an answer in it. */
async function answered(batch: Batch = {}): Promise<ActivityWorld> {
  const world = await begun(batch);
  await world.infer('0');
  return world;
}

async function read(world: ActivityWorld, chain: ExecutionChain, batch: Batch = {}): Promise<PreparedRun> {
  return await world.run('readManifest', {
    run: RUN,
    chain,
    batch: { input: `${world.folder}/in.jsonl`, ...batch },
  });
}

async function refusal(world: ActivityWorld, chain: ExecutionChain, batch: Batch = {}): Promise<string> {
  const failure = await failureOf(read(world, chain, batch));
  expect(failure).toMatchObject({ type: 'InvalidInput', nonRetryable: true });
  return failure.message;
}

const ended = (world: ActivityWorld, chain: ExecutionChain) => world.run('endRun', { run: RUN, chain });
const ownerOf = async (world: ActivityWorld) => (await readOwner(world.storage, RUN))?.firstRunId;

// The rows of the table "Whose a run directory is" in docs/embedding.md, in its order.
describe('a run directory', () => {
  it('that is new gets the execution as its owner', async () => {
    const world = await begun();
    expect(await ownerOf(world)).toBe(CHAIN.firstRunId);
  });

  it('goes on with its own chain: an attempt of the activity, a retry, cron, a reset', async () => {
    const world = await answered();
    expect(await read(world, CHAIN)).toMatchObject({ hasOutcomes: true, manifest: { items: 2 } });
    await ended(world, CHAIN);
    expect(await read(world, CHAIN)).toMatchObject({ hasOutcomes: true });
    expect((await readOwner(world.storage, RUN))?.ended).toBeUndefined();
  });

  it('is taken over by another execution of its id that asks the same, however the one before has ended', async () => {
    const world = await answered();
    expect(await read(world, OTHER)).toMatchObject({ hasOutcomes: true });
    expect(await ownerOf(world)).toBe(OTHER.firstRunId);
    await ended(world, CHAIN);
    expect((await readOwner(world.storage, RUN))?.ended, 'by who is no owner any more').toBeUndefined();
  });

  it('is taken over at another pace', async () => {
    const world = await answered();
    const options = {
      concurrency: 3,
      retries: 0,
      timeoutSecs: 5,
      maxWaitSecs: 1,
      pack: 1,
      canary: 1,
      chunkSize: 1,
      maxTotalTokens: 9,
      maxCredits: 9,
    };
    expect(await read(world, OTHER, { options })).toMatchObject({ hasOutcomes: true, options: { concurrency: 3 } });
  });

  it('goes on from what is staged when the input itself is gone', async () => {
    const world = await answered();
    expect(await read(world, OTHER, { input: `${world.folder}/gone.jsonl` })).toMatchObject({ hasOutcomes: true });
  });

  it.each<[string, Batch, string]>([
    ['model', { options: { model: 'qwen3.5:9b' } }, 'options.model is none, not qwen3.5:9b'],
    ['temperature', { options: { temperature: 0 } }, 'options.temperature is 0.7, not 0'],
    ['number of tokens', { options: { maxTokens: 9 } }, 'options.maxTokens is 2048, not 9'],
    ['schema', { options: { schema: SCHEMA } }, 'options.schema is none, not #'],
    ['form of lines', { options: { detail: true } }, 'options.detail is false, not true'],
    ['treatment of bad lines', { options: { skipInvalid: true } }, 'options.skipInvalid is false, not true'],
  ])('with answers is refused to a run with another %s, which is named', async (_what, batch, words) => {
    const world = await answered();
    expect(await refusal(world, OTHER, batch)).toContain(words);
    expect(await refusal(world, CHAIN, batch), 'also within its chain').toContain(words);
    expect(await ownerOf(world)).toBe(CHAIN.firstRunId);
  });

  it('with answers of one schema is refused to a run with another', async () => {
    const world = await answered({ options: { schema: SCHEMA } });
    const schema = { ...SCHEMA, required: ['a'] };
    expect(await refusal(world, OTHER, { options: { schema } })).toMatch(/options\.schema is #\w{32}, not #\w{32}/);
  });

  it('with answers is refused to a run at another endpoint', async () => {
    const world = await answered();
    const other = await world.beside({ baseUrl: (await simulator()).url });
    expect(await refusal(other, OTHER)).toMatch(/endpoint is http:\S+, not http:/);
  });

  it('with pictures is refused to a run that finds them in another folder', async () => {
    const world = await ActivityWorld.open({ baseUrl: (await simulator()).url });
    await world.file('a.png', PICTURE);
    await world.prepare([{ prompt: 'see', attachment: 'a.png' }]);
    await world.infer('0', { modality: 'vision' });
    const folder = dirname(await world.file('b/a.png', PICTURE));
    const batch = { attachments: { folder } };
    expect(await refusal(world, OTHER, batch)).toContain('attachments.folder is ');
  });

  it('in which nothing is answered is given to a run that asks otherwise, once the one before has ended', async () => {
    const world = await begun({ options: { model: 'misspelt' } });
    expect(await refusal(world, OTHER, { options: { model: 'right' } }), 'requests may be in flight').toContain(
      'misspelt',
    );
    await ended(world, CHAIN);
    expect(await read(world, OTHER, { options: { model: 'right' } })).toMatchObject({ hasOutcomes: false });
    await world.infer('0');
    expect(await refusal(world, CHAIN, { options: { model: 'misspelt' } })).toContain('options.model is right');
  });

  it('in which nothing is answered is refused where its bad lines were treated otherwise', async () => {
    const world = await begun({ options: { skipInvalid: true } });
    await ended(world, CHAIN);
    expect(await refusal(world, OTHER)).toContain('options.skipInvalid is true, not false');
  });

  it('is refused to a run of another input, answered or not', async () => {
    for (const world of [await begun(), await answered()]) {
      const input = await world.file('other.jsonl', '{"prompt":"other"}\n');
      for (const more of [{}, { retryFailed: true }]) {
        expect(await refusal(world, OTHER, { input, ...more })).toContain('belongs to a run of another input');
      }
    }
  });

  it('lets failed items be asked again otherwise, and keeps what its answers were asked with', async () => {
    const world = await answered();
    const batch = { retryFailed: true, options: { model: 'qwen3.5:9b' } };
    expect(await read(world, OTHER, batch)).toMatchObject({ hasOutcomes: true });
    expect(await read(world, OTHER, batch), 'again, by its chain').toMatchObject({ hasOutcomes: true });
    expect(await read(world, CHAIN), 'as it was asked first').toMatchObject({ hasOutcomes: true });
  });

  it('is refused to another namespace while its run may be under way, with the way out', async () => {
    const world = await answered();
    const words = await refusal(world, ELSEWHERE);
    expect(words).toContain('belongs to the workflow run-1 of another namespace (default), which has not ended');
    expect(words).toContain(`remove ${world.storage.root}/${runDirectory(RUN).owner}`);
    await world.storage.remove([runDirectory(RUN).owner]);
    expect(await read(world, ELSEWHERE)).toMatchObject({ hasOutcomes: true });
  });

  it('is taken over by another namespace once its run has ended, if that asks the same', async () => {
    const world = await answered();
    await ended(world, CHAIN);
    expect(await refusal(world, ELSEWHERE, { options: { model: 'x' } })).toContain('options.model');
    expect(await read(world, ELSEWHERE)).toMatchObject({ hasOutcomes: true });
    expect(await refusal(world, CHAIN)).toContain('of another namespace (elsewhere)');
  });

  it('goes to one of two namespaces that begin at the same moment', async () => {
    const world = await ActivityWorld.open({ baseUrl: (await simulator()).url });
    await world.file('in.jsonl', '{"prompt":"zero"}\n');
    const models = ['a', 'b', 'c', 'd'];
    const all = await Promise.allSettled(
      models.map((model) => read(world, { namespace: model, firstRunId: model }, { options: { model } })),
    );
    expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const winner = models[all.findIndex(({ status }) => status === 'fulfilled')];
    expect((await readOwner(world.storage, RUN))?.question['options.model']).toBe(winner);
  });
});

describe('the question of a run', () => {
  it('has every option that is not of its pace, also one that nobody has thought of here', () => {
    const options = { concurrency: 1, systemPrompt: 'x'.repeat(500) } as never;
    const question = questionOf({ sha256: 'abc', endpoint: 'http://e/v1', options });
    expect(question).toEqual({
      input: 'abc',
      endpoint: 'http://e/v1',
      'options.dedupe': 'never',
      'options.systemPrompt': expect.stringMatching(/^#\w{32}$/),
    });
  });
});
