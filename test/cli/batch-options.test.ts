import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { CliWorld } from '../support/cli.js';
import { frontOf } from '../support/front.js';
import { resultLines } from '../support/result-lines.js';

const CIRCLE = readFileSync(new URL('../../examples/media/circle.png', import.meta.url));
const TONES = readFileSync(new URL('../../examples/media/tones.wav', import.meta.url));

let world: CliWorld;
let address: string;
beforeAll(async () => {
  world = await CliWorld.open();
  address = await world.keepServer();
});
afterAll(() => world.close());
beforeEach(() => world.network.reset());

/** The hash by which the network's books know a content. */
function hashOf(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex').slice(0, 16);
}

describe('structured answers', () => {
  test('of --schema are checked and parsed beside the text', async () => {
    const schema = 'mood:good|bad,score:number,tags:string[],sure:boolean,n:integer,note';
    const { code, stdout } = await world.run(['batch', world.prompts('mood', 2), '--schema', schema]);
    expect(code).toBe(0);
    for (const line of resultLines(stdout)) {
      expect(line.parsed).toEqual({
        mood: expect.stringMatching(/^(good|bad)$/),
        score: expect.any(Number),
        tags: expect.any(Array),
        sure: expect.any(Boolean),
        n: expect.any(Number),
        note: expect.any(String),
      });
      expect(JSON.parse(line.output ?? '')).toEqual(line.parsed);
    }
  });

  test('of --schema-file may be nested', async () => {
    const point = {
      type: 'object',
      properties: { x: { type: 'integer' } },
      required: ['x'],
      additionalProperties: false,
    };
    const schema = { type: 'object', properties: { at: point }, required: ['at'], additionalProperties: false };
    const file = world.file('point.json', JSON.stringify(schema));
    const { stdout } = await world.run(['batch', world.prompts('nested', 1), '--schema-file', file]);
    expect(resultLines(stdout)[0]?.parsed).toEqual({ at: { x: expect.any(Number) } });
  });

  test('that never satisfy the schema fail the item, after --retries further attempts', async () => {
    await world.network.script({ match: { promptIncludes: 'stubborn' }, respond: { kind: 'answer', content: 'no' } });
    const args = ['batch', world.prompts('stubborn', 1), '--schema', 'a', '--retries', '1'];
    const { code, stdout } = await world.run(args);
    expect(code).toBe(3);
    expect(resultLines(stdout)[0]?.error).toMatch(/schema|JSON/);
    expect((await world.network.stats()).requests).toBe(2);
  });
});

describe('-m', () => {
  test('is the only model asked', async () => {
    await world.run(['batch', world.prompts('one-model', 5), '-m', 'nanbeige:3b']);
    expect((await world.network.requests()).map(({ model }) => model)).toEqual(Array(5).fill('nanbeige:3b'));
  });

  test('needs no models list', async () => {
    const front = await frontOf(world.network, { modelsList: 500 });
    const args = ['batch', world.prompts('no-list', 2), '-m', 'nanbeige:3b', '--base-url', front];
    expect((await world.run(args)).code).toBe(0);
  });
});

test('a base URL may be written otherwise than its worker has it: it is the same endpoint, and the same run', async () => {
  const input = world.prompts('spelling', 2);
  const first = await world.run(['batch', input, '--base-url', world.network.url.replace('/v1', '/./v1')]);
  expect(first.code, first.stderr).toBe(0);
  const again = await world.run(['batch', input, '--base-url', world.network.url.replace('http:', 'HTTP:')]);
  expect([again.code, again.stderr]).toEqual([0, expect.stringContaining('has ended already')]);
  expect((await world.network.stats()).requests).toBe(2);
});

describe('attachments', () => {
  test('next to the input arrive as they are: a picture at a vision model, a sound at an audio model', async () => {
    world.file('circle.png', CIRCLE);
    world.file('tones.wav', TONES);
    const url = `data:image/png;base64,${CIRCLE.toString('base64')}`;
    const lines = [
      { prompt: 'see', attachment: 'circle.png' },
      { prompt: 'hear', attachment: './tones.wav' },
      { prompt: 'see inline', attachment: url },
    ];
    const input = world.file('media.jsonl', lines.map((line) => JSON.stringify(line)).join('\n'));
    const elsewhere = world.path('elsewhere');
    mkdirSync(elsewhere);
    expect((await world.run(['batch', input], { cwd: elsewhere })).code).toBe(0);
    const requests = new Map((await world.network.requests()).map((request) => [request.prompt, request]));
    expect(requests.get('see')?.attachment).toMatchObject({ kind: 'image', sha256: hashOf(CIRCLE) });
    expect(requests.get('hear')?.attachment).toMatchObject({ kind: 'audio', sha256: hashOf(TONES) });
    expect(requests.get('see inline')?.attachment).toMatchObject({ kind: 'image', sha256: hashOf(CIRCLE) });
    expect(requests.get('hear')?.model).toBe('lfm2.5-audio:1.5b');
    expect(requests.get('see')?.model).toMatch(/^qwen3\.5|-vl/);
  });

  test('may lie elsewhere when --attachments-root allows it', async () => {
    mkdirSync(world.path('shared'));
    mkdirSync(world.path('inputs'));
    const picture = world.file('shared/p.png', CIRCLE);
    const input = world.file('inputs/a.jsonl', JSON.stringify({ prompt: 'far', attachment: '../shared/p.png' }));
    const absolute = world.file('inputs/b.jsonl', JSON.stringify({ prompt: 'farther', attachment: picture }));
    const root = ['--attachments-root', 'shared'];
    expect((await world.run(['batch', input, ...root], { cwd: world.folder })).code).toBe(0);
    expect((await world.run(['batch', absolute, ...root], { cwd: world.folder })).code).toBe(0);
    for (const { attachment } of await world.network.requests()) expect(attachment?.sha256).toBe(hashOf(CIRCLE));
  });
});

test('--pack 1 makes every item an activity of its own', async () => {
  await world.run(['batch', world.prompts('single', 9), '--pack', '1', '-c', '2', '--id', 'single']);
  const connection = await Connection.connect({ address });
  onTestFinished(() => connection.close());
  const { workflow } = new Client({ connection });
  const scheduled: unknown[] = [];
  for await (const { workflowId } of workflow.list({ query: "WorkflowType = 'chunkWorkflow'" })) {
    if (!workflowId.startsWith('single')) continue;
    const { events } = await workflow.getHandle(workflowId).fetchHistory();
    scheduled.push(...(events ?? []).map((event) => event.activityTaskScheduledEventAttributes?.activityType?.name));
  }
  expect(scheduled.filter((name) => name === 'dria.infer')).toHaveLength(9);
});

test('-o in another folder is found from there, by a path that is relative to the current one', async () => {
  mkdirSync(world.path('out'));
  const args = ['batch', world.prompts('relative', 1), '-o', join('out', 'r.jsonl')];
  expect((await world.run(args, { cwd: world.folder })).code).toBe(0);
  expect(resultLines(readFileSync(world.path('out/r.jsonl'), 'utf8'))).toHaveLength(1);
});
