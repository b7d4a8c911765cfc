import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CliWorld } from '../support/cli.js';
import { readResults } from '../support/result-lines.js';

const PICTURE = readFileSync(new URL('../../examples/media/circle.png', import.meta.url));

let world: CliWorld;
beforeAll(async () => {
  world = await CliWorld.open({
    models: [{ id: 'small:1b', nodes: 3, modality: 'text' }],
    modalityField: 'modality',
  });
  await world.keepServer();
  world.file('one.png', PICTURE);
});
beforeEach(() => world.network.reset());
afterAll(() => world.close());

function mixed(): string {
  return world.file(
    'mixed.jsonl',
    '{"prompt":"a"}\n{"prompt":"see","id":"p","attachment":"one.png"}\n{"prompt":"b"}\n',
  );
}

async function refusal(args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await world.run(args);
  expect({ code, stdout }, stderr).toEqual({ code: 2, stdout: '' });
  return stderr;
}

async function expectNothingStarted(): Promise<void> {
  expect((await world.network.stats()).requests).toBe(0);
  expect(existsSync(`${world.dataDir}/runs`)).toBe(false);
}

describe('before anything is sent', () => {
  test('a misspelt model is refused with the name that was meant', async () => {
    const stderr = await refusal(['batch', world.prompts('model', 2), '-m', 'smal:1b']);
    expect(stderr).toMatch(/does not list the model smal:1b\nDid you mean small:1b\?/);
    await expectNothingStarted();
  });

  test('a base URL without its version is refused with the right one', async () => {
    const origin = world.network.url.replace(/\/v1$/, '');
    const stderr = await refusal(['batch', world.prompts('url', 2), '-m', 'small:1b', '--base-url', origin]);
    expect(stderr).toContain(`Give --base-url ${origin}/v1`);
    await expectNothingStarted();
  });

  test('lines with pictures are named when no model takes pictures', async () => {
    const stderr = await refusal(['batch', mixed()]);
    expect(stderr).toMatch(/mixed.jsonl:2: attachment: no model of .* takes pictures\nNothing was started/);
    await expectNothingStarted();
  });
});

test('--skip-invalid writes an error line for what no model takes, and the rest is answered', async () => {
  const output = world.path('mixed.out');
  const { code, stderr } = await world.run(['batch', mixed(), '--skip-invalid', '-o', output]);
  expect(code, stderr).toBe(3);
  expect(readResults(output)).toMatchObject([
    { id: 1, model: 'small:1b' },
    { id: 'p', error: expect.stringMatching(/^invalid: attachment: no model of .* takes pictures$/) },
    { id: 3, model: 'small:1b' },
  ]);
  expect((await world.network.stats()).requests).toBe(2);
});

test('a run that was begun goes on whatever the list has now', async () => {
  const args = ['batch', world.prompts('begun', 3), '--id', 'begun', '-m', 'other:1b'];
  for (const flags of [['--yes'], []]) {
    const command = world.start([...args, ...flags]);
    await command.said(/run begun/);
    command.signal('SIGINT');
    expect((await command.ended).code).toBe(130);
  }
});
