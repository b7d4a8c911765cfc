import { expect, it } from 'vitest';
import { completion } from '../dria/scripted-server.js';
import { scriptedWorld } from './scripted-world.js';
import { errorsOf } from './shapes.js';

const SECRET = 'the launch code of Tuesday is seventeen apples';

it('what an endpoint quotes of a prompt or an answer is in the results, and in no history', async () => {
  const times = new Map<string, number>();
  const { world } = await scriptedWorld((response, { prompt }) => {
    const time = (times.get(prompt) ?? 0) + 1;
    times.set(prompt, time);
    const quoting = (status: number) =>
      response.writeHead(status).end(JSON.stringify({ error: { message: `cannot do "${prompt}" now` } }));
    if (prompt.startsWith('refused')) return quoting(400);
    if (prompt.startsWith('broken') || (prompt.startsWith('once') && time === 1)) return quoting(500);
    return response.end(completion(/^(odd|Your answer)/.test(prompt) ? `I say: ${SECRET}` : '{"a": 1}'));
  });
  const kinds = ['refused', 'broken', 'once', 'odd', 'good'];
  const prompts = kinds.map((kind) => `${kind}: ${SECRET}`);
  const schema = { type: 'object', properties: { a: { type: 'number' } }, required: ['a'] };
  const run = await world.start(prompts, { options: { schema, retries: 1, concurrency: 1 } });
  const { results, ...summary } = await run.result();
  expect(summary).toMatchObject({ ok: 2, failed: 3 });
  expect(errorsOf(world.output(results))).toEqual({
    0: `400: cannot do "refused: ${SECRET}" now`,
    1: `500: cannot do "broken: ${SECRET}" now`,
    3: expect.stringContaining("is not JSON: Unexpected token 'I', \"I say: the"),
  });
  const { lastFailures } = await run.progress();
  expect(lastFailures.map(({ error }) => error).toSorted()).toEqual([
    '400: cannot do "…" now',
    '500: cannot do "…" now',
    'invalid output: the answer is not JSON',
  ]);
  for (const id of [run.id, `${run.id}/chunk-0`]) {
    const history = textsIn(await world.client.workflow.getHandle(id).fetchHistory());
    expect(history).toContain('cannot do');
    expect(history).not.toMatch(/launch|Tuesday|apples/);
  }
});

/** Returns all texts of a history, those of payloads included. */
function textsIn(value: unknown): string {
  if (typeof value === 'string') return `${value}\n`;
  if (value instanceof Uint8Array) return `${Buffer.from(value).toString('utf8')}\n`;
  if (typeof value !== 'object' || value === null) return '';
  return Object.values(value).map(textsIn).join('');
}
