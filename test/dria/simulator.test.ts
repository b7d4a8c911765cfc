import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseSchemaShorthand } from '../../src/batch/schema.js';
import { compileAnswerSchema } from '../../src/dria/answer-check.js';
import type { ChatAttachment, ChatRequest } from '../../src/dria/chat-request.js';
import { Endpoint } from '../../src/dria/endpoint.js';
import { type Simulator, startSimulator } from '../../src/simulator/server.js';

/** One red pixel. */
const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC',
  'base64',
);
const REQUEST: ChatRequest = { model: 'lfm2.5:1.2b', prompt: 'hi', maxTokens: 200, temperature: 0, timeoutMs: 10_000 };

let simulator: Simulator;
let endpoint: Endpoint;
beforeAll(async () => {
  simulator = await startSimulator({ latency: { kind: 'fixed', ms: 1 } });
  endpoint = Endpoint.open({ baseUrl: simulator.url, apiKey: 'dkn_live_test' });
});
afterAll(async () => {
  await endpoint.close();
  await simulator.close();
});

function image(bytes: Buffer): ChatAttachment {
  return {
    kind: 'image',
    mediaType: 'image/png',
    bytes: bytes.length,
    open: async function* () {
      yield bytes;
    },
  };
}

it('the simulated network tells balance and models as Dria does', async () => {
  expect((await endpoint.balance())?.balance).toBeGreaterThan(0);
  const models = await endpoint.models();
  expect(models).toContainEqual({ id: 'qwen3.5:9b', nodes: 16, modality: 'vision' });
  expect(models).toContainEqual({ id: 'lfm2.5-audio:1.5b', nodes: 10, modality: 'audio' });
});

it('its answers satisfy the schema that was asked for', async () => {
  const { schema, check } = compileAnswerSchema(parseSchemaShorthand('mood:good|bad,score:number,tags:string[]'));
  const answer = await endpoint.chat({ ...REQUEST, schema: { name: 'answer', schema } });
  expect(check(answer.text).parsed).toHaveProperty('score', expect.any(Number));
  expect(answer.totalTokens).toBe(answer.promptTokens + answer.completionTokens);
});

it('a vision model of it takes an image, and another refuses it', async () => {
  expect((await endpoint.chat({ ...REQUEST, model: 'qwen3.5:9b', attachments: [image(PNG)] })).text).not.toBe('');
  await expect(endpoint.chat({ ...REQUEST, attachments: [image(PNG)] })).rejects.toMatchObject({
    code: 'ModalityRefused',
  });
});

it('a vision model of it refuses what is no image, and that is about the item', async () => {
  const broken = { ...REQUEST, model: 'qwen3.5:9b', attachments: [image(Buffer.from('not a picture'))] };
  await expect(endpoint.chat(broken)).rejects.toMatchObject({ code: 'InvalidRequest', status: 400 });
});
