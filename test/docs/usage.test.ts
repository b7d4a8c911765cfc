import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ROOT } from '../support/build.js';
import { CliWorld, type Command, MAIN } from '../support/cli.js';
import { until } from '../support/until.js';

/** A block of commands in the page. */
interface Block {
  readonly heading: string;
  readonly script: string;
  /** What the comment before it says: `background: id`, `when: id state`, `exit: code`, `not run: why`. */
  readonly note: string;
}

/** The page's blocks of commands, in order. */
function blocksOf(page: string): Block[] {
  const blocks: Block[] = [];
  let heading = '';
  const pieces = page.matchAll(/^## (.+)$|(?:^<!-- (.+) -->\n)?^```sh\n([\s\S]*?)^```$/gm);
  for (const [, title, note = '', script] of pieces) {
    if (title !== undefined) heading = title;
    if (script !== undefined) blocks.push({ heading, script, note });
  }
  return blocks;
}

/** Two blocks show what `jq` makes of the output. */
const HAS_JQ = spawnSync('jq', ['--version']).status === 0;

const BLOCKS = blocksOf(readFileSync(join(ROOT, 'docs/usage.md'), 'utf8'));

let world: CliWorld;
const background = new Map<string, Command>();

beforeAll(async () => {
  world = await CliWorld.open({
    latency: { kind: 'fixed', ms: 40 },
    credits: 100_000,
    // Fails in the runs `mixed` and `other`, and not when it is asked again.
    rules: [1, 3].map((nth) => ({
      match: { promptIncludes: 'mixed 2', fromRequest: nth, toRequest: nth },
      respond: { status: 422 },
    })),
  });
  await world.keepServer();
  for (const [name, count] of [
    ['prompts', 30],
    ['reviews', 10],
    ['documents', 10],
    ['mixed', 8],
    ['many-prompts', 20_000],
  ] as const) {
    world.prompts(name, count);
  }
  world.file('questions.csv', 'id,lang,prompt\n1,en,"Why, oh why?"\n2,de,Warum?\n');
  copyFileSync(join(ROOT, 'test/input/formats/parquet/snappy.parquet'), world.path('questions.parquet'));
  mkdirSync(world.path('more'));
  world.prompts('more/some', 3);
  mkdirSync(world.path('media'));
  copyFileSync(join(ROOT, 'examples/media/circle.png'), world.path('media/circle.png'));
  world.file('pictures.jsonl', '{"prompt": "What is in this picture?", "attachment": "media/circle.png"}\n');
  world.file(
    'review.schema.json',
    '{"type": "object", "properties": {"mood": {"type": "string"}}, "required": ["mood"]}',
  );
  mkdirSync(world.path('bin'));
  writeFileSync(world.path('bin/dria-temporal'), `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`, {
    mode: 0o755,
  });
});
afterAll(() => world.close());

function start(script: string): Command {
  const env = { PATH: `${world.path('bin')}:${world.env.PATH ?? ''}` };
  return world.spawn('/bin/bash', ['-euo', 'pipefail', '-c', script], { cwd: world.folder, env });
}

async function hasState(id: string, state: string): Promise<boolean> {
  const { stdout } = await world.run(['status', id, '--json']);
  return stdout !== '' && JSON.parse(stdout).state === state;
}

test('the page has commands', () => {
  expect(BLOCKS.length).toBeGreaterThan(20);
});

describe('the commands of the page', () => {
  for (const [index, { heading, script, note }] of BLOCKS.entries()) {
    const [kind = '', words = ''] = note.split(': ');
    test.skipIf(kind === 'not run' || (!HAS_JQ && /\bjq\b/.test(script)))(`${index + 1}: ${heading}`, async () => {
      if (kind === 'background') {
        background.set(words, start(script));
        return;
      }
      if (kind === 'when') {
        const [id = '', state = ''] = words.split(' ');
        await until(`${id} is ${state}`, () => hasState(id, state));
      }
      const { code, stderr } = await start(script).ended;
      expect([code, stderr]).toEqual([kind === 'exit' ? Number(words) : 0, expect.any(String)]);
    });
  }

  test('let the runs beside them end as they say', async () => {
    expect((await background.get('limited')?.ended)?.code).toBe(0);
    // It was cancelled by the page.
    expect((await background.get('nightly')?.ended)?.code).toBe(1);
  });
});
