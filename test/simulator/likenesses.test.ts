import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { compileAnswerSchema } from '../../src/dria/answer-check.js';
import type { ChatRequest } from '../../src/dria/chat-request.js';
import { Endpoint } from '../../src/dria/endpoint.js';
import { isDriaError } from '../../src/dria/errors.js';
import { LIKENESSES, type Likeness } from '../../src/simulator/likenesses.js';
import { PNG, simulator } from './harness.js';

const DOCS = new URL('../../docs/endpoints.md', import.meta.url);
const BEGIN = '<!-- made by test/simulator/likenesses.test.ts -->\n';
const END = '<!-- end -->\n';

const KEY = 'test-key';
const TEXT: ChatRequest = {
  model: 'qwen3.5:9b',
  prompt: 'Hi there',
  maxTokens: 50,
  temperature: 0.7,
  timeoutMs: 5_000,
};
const PICTURE = { kind: 'image', mediaType: 'image/png', url: `data:image/png;base64,${PNG}` } as const;
const { schema, check } = compileAnswerSchema({
  type: 'object',
  properties: { mood: { type: 'string' } },
  required: ['mood'],
  additionalProperties: false,
});

/** What a request came to, in a word or two. */
async function outcome(answer: Promise<unknown>): Promise<string> {
  try {
    await answer;
    return 'ok';
  } catch (error) {
    if (!isDriaError(error)) throw error;
    return `${error.fault} (${error.status ?? error.code})`;
  }
}

/** Asks an endpoint what a run asks, and returns the row of the table. */
async function row({ name, quirks: given, anonymous }: Likeness): Promise<string> {
  const quirks = [...given];
  const { url } = await simulator({ quirks, ...(anonymous ? { anonymous } : { keys: [KEY] }) });
  const headers = quirks.includes('wants-header=api-key') ? { 'api-key': KEY } : {};
  const endpoint = Endpoint.open({ baseUrl: url, apiKey: KEY, headers, sendsTimeout: name === 'dria' });
  const stranger = Endpoint.open({ baseUrl: url, apiKey: 'other-key', sendsTimeout: false });
  const limited = await simulator({
    quirks,
    ...(anonymous ? { anonymous } : {}),
    rateLimit: { perSecond: 0.5, burst: 1 },
  });
  const hasty = Endpoint.open({ baseUrl: limited.url, apiKey: KEY, headers, sendsTimeout: false });
  try {
    const models = await endpoint.models();
    const cells = [
      await outcome(endpoint.chat(TEXT)),
      await outcome(endpoint.chat({ ...TEXT, schema: { name: 'answer', schema, check } })),
      await outcome(endpoint.chat({ ...TEXT, model: 'lfm2.5-vl:1.6b', attachments: [PICTURE] })),
      await outcome(endpoint.chat({ ...TEXT, model: 'no-such-model' })),
      await outcome(stranger.chat(TEXT)),
      await outcome(hasty.chat(TEXT).then(() => hasty.chat(TEXT, { hasOther: true }))),
    ];
    const learnt = endpoint.lessons().map(({ text }) => text.replace(/^\S+: the endpoint /, ''));
    const nodes = models.some((model) => model.nodes > 1) ? 'yes' : 'no';
    return `| ${[name, nodes, ...cells, [...new Set(learnt)].join('; ')].join(' | ')} |`;
  } finally {
    await Promise.all([endpoint.close(), stranger.close(), hasty.close()]);
  }
}

it('the table of well-known endpoints in the docs is what asking their likenesses comes to', async () => {
  const rows = await Promise.all(LIKENESSES.map(row));
  const titles = ['`--like`', 'Nodes', 'Text', 'Schema', 'Picture', 'Unknown model', 'Wrong key', 'Too many', 'Learnt'];
  const table = `| ${titles.join(' | ')} |\n|${titles.map(() => '---|').join('')}\n${rows.join('\n')}\n`;
  const docs = readFileSync(DOCS, 'utf8');
  const [before = '', after = ''] = docs.split(BEGIN);
  const wanted = `${before}${BEGIN}\n${table}\n${END}${after.slice(after.indexOf(END) + END.length)}`;
  if (process.env.UPDATE_DOCS !== undefined) writeFileSync(DOCS, wanted);
  else expect(docs).toBe(wanted);
});
