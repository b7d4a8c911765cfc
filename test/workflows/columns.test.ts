import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, inject, it, onTestFinished } from 'vitest';
import { World } from '../support/batch-world.js';
import { command } from '../support/command.js';

const CSV = 'key,text,lang,stars\na,Hallo,de,5\nb,Hello,en,4\nc,,de,3\n';

it('names a CSV, and says in its input what becomes of the rows', async () => {
  const world = await World.open();
  const path = join(world.root, 'reviews.csv');
  writeFileSync(path, CSV);
  const run = await world.start(path, {
    read: { prompt: 'Is this kind: {{text}}', system: 'In {{lang}}.', idColumn: 'key', columns: ['stars', 'lang'] },
    options: { skipInvalid: true, model: 'qwen3.5:9b' },
    return: 'inline',
  });
  const { lines } = await run.result();
  expect(lines).toEqual([
    expect.objectContaining({ id: 'a', model: 'qwen3.5:9b', columns: { stars: '5', lang: 'de' } }),
    expect.objectContaining({ id: 'b', columns: { stars: '4', lang: 'en' } }),
    {
      id: 'c',
      model: null,
      error: 'invalid: column "text": must not be empty',
      columns: { stars: '3', lang: 'de' },
    },
  ]);
  const asked = (await world.requests()).map(({ prompt, system }) => [prompt, system]);
  expect(asked.sort()).toEqual([
    ['Is this kind: Hallo', 'In de.'],
    ['Is this kind: Hello', 'In en.'],
  ]);
});

it('is made by a schedule, whose flags are those of batch', async () => {
  const world = await World.open({ noWorker: true });
  const id = `columns-${world.taskQueue}`;
  const place = ['--address', inject('temporalAddress'), '--storage', world.root];
  const schedule = (...args: string[]) => command(['schedule', ...args, ...place], { DRIA_BASE_URL: world.baseUrl });
  onTestFinished(async () => {
    await schedule('delete', id);
  });
  const flags = [
    ...['--prompt', 'Is {{text}} kind?', '--system', 'Be brief.', '--id-column', 'key', '--columns', 'lang, stars'],
    ...['--where', 'lang=de', '--where', 'stars>3', '--sample', '2', '--seed', '7', '--attachment-column', 'pic'],
  ];
  const made = await schedule('create', id, '--cron', '0 2 1 1 *', '--input', 'in/{{date}}.csv', ...flags);
  expect(made.code, made.stderr).toBe(0);
  const { stdout } = await schedule('describe', id, '--json');
  expect(JSON.parse(stdout).input).toMatchObject({
    input: 'in/{{date}}.csv',
    read: {
      prompt: 'Is {{text}} kind?',
      idColumn: 'key',
      attachmentColumn: 'pic',
      columns: ['lang', 'stars'],
      where: ['lang=de', 'stars>3'],
      sample: 2,
      seed: 7,
    },
    options: { system: 'Be brief.' },
  });
  const refused = await schedule('create', `${id}-2`, '--cron', '0 2 1 1 *', '--input', 'a.csv', '--where', 'x');
  expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('--where: "x" is no condition') });
});
