import { describe, expect, it, onTestFinished } from 'vitest';
import type { BatchInput } from '../../src/batch/run.js';
import { runDirectory } from '../../src/store/run-directory.js';
import { completion, type Received, ScriptedServer } from '../dria/scripted-server.js';
import { ActivityWorld, CHAIN, failureOf, RUN } from '../support/activity-env.js';

const CSV = 'key,text,lang\na,"Hallo, Welt",de\nb,Hello,en\nc,{{text}},de\n';

async function open(): Promise<{ world: ActivityWorld; received: readonly Received[] }> {
  const server = await new ScriptedServer((response) => response.end(completion('yes'))).listen();
  onTestFinished(() => server.close());
  return { world: await ActivityWorld.open({ baseUrl: server.baseUrl }), received: server.received };
}

function messagesOf(received: readonly Received[]): unknown[] {
  return received.map(({ body }) => JSON.parse(body).messages);
}

async function prepare(world: ActivityWorld, batch: Omit<BatchInput, 'input'>) {
  const input = await world.file('in.csv', CSV);
  return await world.run('readManifest', { run: RUN, chain: CHAIN, batch: { input, ...batch } });
}

describe('a workflow that names a CSV', () => {
  it('says prompt, system message, ids, columns and which rows, and nothing of them goes into history', async () => {
    const { world, received } = await open();
    const prepared = await prepare(world, {
      read: {
        prompt: 'Sentiment of: {{text}}',
        system: 'Answer in {{lang}}.',
        idColumn: 'key',
        where: ['lang=de'],
        columns: ['lang'],
      },
      options: { concurrency: 1 },
    });
    expect(prepared.manifest.items).toBe(2);
    expect(JSON.stringify(prepared)).not.toContain('Sentiment');
    await world.infer('0-1');
    expect(messagesOf(received)).toEqual([
      [
        { role: 'system', content: 'Answer in de.' },
        { role: 'user', content: 'Sentiment of: Hallo, Welt' },
      ],
      [
        { role: 'system', content: 'Answer in de.' },
        { role: 'user', content: 'Sentiment of: {{text}}' },
      ],
    ]);
    expect((await world.answers()).map(({ result }) => result.id)).toEqual(['a', 'c']);
  });

  it('has one system message for all items by its options, in the place of their own', async () => {
    const { world, received } = await open();
    const lines = [{ prompt: 'a', system: 'mine' }, { prompt: 'b' }];
    const prepared = await world.prepare(lines, { options: { system: 'Ours.', concurrency: 1 } });
    expect(JSON.stringify(prepared)).not.toContain('Ours');
    expect(JSON.parse(await world.text(runDirectory(RUN).settings)).system).toBe('Ours.');
    await world.infer('0-1');
    expect(messagesOf(received).flat()).toEqual([
      { role: 'system', content: 'Ours.' },
      { role: 'user', content: 'a' },
      { role: 'system', content: 'Ours.' },
      { role: 'user', content: 'b' },
    ]);
  });

  it('has the items’ own system messages by default', async () => {
    const { world, received } = await open();
    await world.prepare([{ prompt: 'a', system: 'mine' }, { prompt: 'b' }], { options: { concurrency: 1 } });
    await world.infer('0-1');
    expect(messagesOf(received)).toEqual([
      [
        { role: 'system', content: 'mine' },
        { role: 'user', content: 'a' },
      ],
      [{ role: 'user', content: 'b' }],
    ]);
  });

  it.each<[Omit<BatchInput, 'input'>, RegExp]>([
    [
      { read: { prompt: '{{txet}}' } },
      /in\.csv: no column "txet", which the prompt names; "dria-temporal check" lists its 3 columns$/,
    ],
    [{ read: { prompt: '{{' } }, /the braces at character 1 are not closed/],
    [{ read: { prompt: 'a', where: ['x'] } }, /"x" is no condition/],
    [{ read: { prompt: 'a', limit: 1, sample: 1 } }, /a sample has its own number of rows/],
    [{ read: {} }, /in\.csv: no column "prompt"; give the prompt as a template/],
    [{ read: { prompt: '{{text}}', idColumn: 'lang' } }, /in\.csv, row 3, column "lang": "…" is a duplicate of/],
  ])('%j: fails before anything is asked', async (batch, message) => {
    const { world, received } = await open();
    const failure = await failureOf(prepare(world, batch));
    expect(failure.type).toBe('InvalidInput');
    expect(failure.message).toMatch(message);
    expect(received).toEqual([]);
  });
});
