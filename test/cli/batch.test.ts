import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { CliWorld, MAIN } from '../support/cli.js';
import { readResults, resultLines } from '../support/result-lines.js';

let world: CliWorld;
beforeAll(async () => {
  world = await CliWorld.open();
  await world.keepServer();
});
afterAll(() => world.close());
beforeEach(() => world.network.reset());

describe('results', () => {
  test('are one line an item in input order, with the line number where there is no id', async () => {
    const text = `\ufeff{"prompt":"bom"}\r\n\r\n{"prompt":"crlf","id":"x"}\n   \n{"prompt":"number","id":7}\n{"prompt":"no end"}`;
    const output = world.path('forms-results.jsonl');
    const { code, stdout } = await world.run(['batch', world.file('forms.jsonl', text), '-o', output]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
    const lines = readResults(output);
    expect(lines.map(({ id }) => id)).toEqual([1, 'x', 7, 6]);
    const echoes = ['bom', 'crlf', 'number', 'no end'].map((prompt) => expect.stringContaining(`("${prompt}")`));
    expect(lines.map(({ output: answer }) => answer)).toEqual(echoes);
    for (const line of lines) expect(Object.keys(line)).toEqual(['id', 'model', 'output', 'tokens']);
  });

  test('are all that standard output gets, and nothing of them goes to standard error', async () => {
    const { code, stdout, stderr } = await world.run(['batch', world.prompts('out', 25), '-c', '7']);
    expect(code).toBe(0);
    expect(resultLines(stdout).map(({ id }) => id)).toEqual(Array.from({ length: 25 }, (_, index) => index + 1));
    expect(stderr).toContain('25');
    expect(stderr).not.toContain('Simulated answer');
    expect((await world.network.stats()).maxInFlight).toBeLessThanOrEqual(7);
  });

  test('come for standard input, its attachments being next to the current folder', async () => {
    world.file('here.png', readFileSync(new URL('../../examples/media/circle.png', import.meta.url)));
    const stdin = '{"prompt":"from a pipe"}\n{"prompt":"seen","attachment":"here.png"}';
    const { code, stdout } = await world.run(['batch', '-'], { stdin, cwd: world.folder });
    expect(code).toBe(0);
    expect(resultLines(stdout).map(({ output }) => output)).toEqual([
      expect.stringContaining('("from a pipe")'),
      expect.stringMatching(/\("seen"\), with image [0-9a-f]{16}/),
    ]);
  });

  test('with --detail hold every fact of the answer', async () => {
    const { stdout } = await world.run(['batch', world.prompts('detail', 1), '--detail']);
    expect(resultLines(stdout)).toEqual([
      {
        id: 1,
        model: expect.any(String),
        output: expect.any(String),
        tokens: expect.any(Number),
        prompt_tokens: expect.any(Number),
        completion_tokens: expect.any(Number),
        finish_reason: 'stop',
        attempts: 1,
        latency_ms: expect.any(Number),
        node_id: expect.any(String),
        models_tried: [expect.any(String)],
      },
    ]);
  });

  test('have a line for an item that failed, and the exit code says so', async () => {
    await world.network.script({
      match: { promptIncludes: 'refused 2' },
      respond: { status: 422, message: 'too rude' },
    });
    const { code, stdout, stderr } = await world.run(['batch', world.prompts('refused', 3)]);
    expect(code).toBe(3);
    const [first, second, third] = resultLines(stdout);
    expect([first?.error, third?.error]).toEqual([undefined, undefined]);
    expect(second).toEqual({ id: 2, model: expect.any(String), error: expect.stringMatching(/^422: .*too rude/) });
    expect(stderr).toContain('2 ok + 1 failed');
  });

  test('have a line for an invalid input line under --skip-invalid', async () => {
    const input = world.file(
      'skip.jsonl',
      '{"prompt":"fine"}\n{"prompt":\n{"prompt":"x","id":"a"}\n{"prompt":"y","id":"a"}\n',
    );
    const { code, stdout } = await world.run(['batch', input, '--skip-invalid']);
    expect(code).toBe(3);
    expect(resultLines(stdout)).toEqual([
      expect.objectContaining({ id: 1, output: expect.any(String) }),
      { id: 2, model: null, error: expect.stringMatching(/^invalid: not valid JSON/) },
      expect.objectContaining({ id: 'a', output: expect.any(String) }),
      { id: 4, model: null, error: expect.stringMatching(/^invalid: id: "a" is a duplicate of line 3/) },
    ]);
    expect((await world.network.stats()).requests).toBe(2);
  });
});

describe('the same command', () => {
  test('after the end sends nothing and gives the same bytes; another --id runs anew', async () => {
    const input = world.prompts('again', 6);
    const first = await world.run(['batch', input]);
    await world.network.reset();
    const output = world.path('again-results.jsonl');
    const second = await world.run(['batch', input, '-o', output]);
    expect(second.code).toBe(0);
    expect(readFileSync(output, 'utf8')).toBe(first.stdout);
    expect(second.stderr).toContain('nothing was sent');
    expect((await world.network.stats()).requests).toBe(0);
    const anew = await world.run(['batch', input, '--id', 'anew.1_x-y']);
    expect(anew.stdout).toBe(first.stdout);
    expect((await world.network.stats()).requests).toBe(6);
  });

  test('with other prompts or other options is another run', async () => {
    const input = world.prompts('other', 2);
    await world.run(['batch', input]);
    await world.run(['batch', input, '--max-tokens', '17', '--temperature', '0.1']);
    world.file('other.jsonl', '{"prompt":"other 1"}\n');
    await world.run(['batch', input]);
    const requests = await world.network.requests();
    expect(requests).toHaveLength(5);
    const changed = { maxTokens: 17, temperature: 0.1 };
    expect(requests.slice(2, 4)).toEqual([expect.objectContaining(changed), expect.objectContaining(changed)]);
    expect(requests[4]).toMatchObject({ maxTokens: 2048, temperature: 0.7 });
  });
});

const eventSchema = z.looseObject({ type: z.string(), time: z.iso.datetime() });

test('with --json every line on standard error is an object, and they tell start, progress and end', async () => {
  await world.network.script({ match: { promptIncludes: 'events' }, respond: { kind: 'answer', delayMs: 400 } });
  const { stdout, stderr } = await world.run(['batch', world.prompts('events', 12), '--json', '-c', '2']);
  const events = stderr
    .trimEnd()
    .split('\n')
    .map((line) => eventSchema.parse(JSON.parse(line)));
  const start = events.find(({ type }) => type === 'start');
  expect(start).toMatchObject({ run_id: expect.stringMatching(/^events-/), items: 12, ui_url: expect.any(String) });
  const done = events.filter(({ type }) => type === 'progress').map((event) => z.number().parse(event.done));
  expect(done.length).toBeGreaterThanOrEqual(2);
  expect(done).toEqual([...done].sort((a, b) => a - b));
  const tokens = resultLines(stdout).reduce((sum, line) => sum + (line.tokens ?? 0), 0);
  expect(events.at(-1)).toMatchObject({ type: 'finish', state: 'completed', ok: 12, failed: 0, requests: 12, tokens });
});

test('a reader that goes away (head -1) ends the command quietly', async () => {
  const content = 'long '.repeat(4000);
  await world.network.script({ match: { promptIncludes: 'pipe' }, respond: { kind: 'answer', content } });
  const line = '"$0" "$1" batch "$2" 2>"$3" | head -1 | wc -l; echo $PIPESTATUS';
  const said = world.path('pipe-stderr');
  const shell = world.spawn('/bin/bash', ['-c', line, process.execPath, MAIN, world.prompts('pipe', 40), said]);
  expect((await shell.ended).stdout).toBe('1\n0\n');
  expect(readFileSync(said, 'utf8')).not.toMatch(/EPIPE|error|could not/i);
});
