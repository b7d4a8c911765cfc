import { Agent, request } from 'undici';
import { z } from 'zod';
import type { Prompt, Result } from './prompt.js';

const answerSchema = z.object({
  choices: z.array(z.object({ message: z.object({ content: z.string() }) })).min(1),
  usage: z.object({ total_tokens: z.number() }),
});

/** Asks an OpenAI-compatible endpoint, with the pool of connections that undici makes: the least there is to do. */
export function asker(url: string, model: string): (prompt: Prompt) => Promise<Result> {
  const dispatcher = new Agent();
  const headers = { 'content-type': 'application/json', authorization: 'Bearer bench' };
  return async ({ id, prompt }) => {
    const messages = [{ role: 'user', content: prompt }];
    const body = JSON.stringify({ model, messages, max_tokens: 2048, temperature: 0.7, timeout_secs: 120 });
    const response = await request(`${url}/chat/completions`, { method: 'POST', headers, body, dispatcher });
    if (response.statusCode !== 200) throw new Error(`${response.statusCode}: ${await response.body.text()}`);
    const { choices, usage } = answerSchema.parse(await response.body.json());
    return { id, model, output: choices[0]?.message.content ?? '', tokens: usage.total_tokens };
  };
}
