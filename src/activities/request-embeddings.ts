import { givenTokens, inputsOf } from '../batch/api.js';
import type { ChatAnswer } from '../dria/chat-answer.js';
import type { ChatRequest } from '../dria/chat-request.js';
import { vectorEntries } from '../dria/embeddings.js';
import type { Vector } from '../dria/reading.js';
import { estimatedTokens } from '../dria/tokens.js';
import type { ResultLine } from '../store/outcomes.js';
import type { PackItem } from '../store/pack-items.js';
import type { Together } from './item-groups.js';
import { type Completion, type CompletionContext, factsOf, formOf } from './request-completion.js';

/** Asks the target for the vectors of some items by one request. Throws as `requestCompletion` does. */
export async function requestEmbeddings(items: Together, context: CompletionContext): Promise<readonly Completion[]> {
  const { asked, signal, lease, onSent, input } = context;
  const inputs = items.map(({ input: own, prompt }) => inputsOf(own ?? prompt));
  const options = { signal, lease, onSent, hasOther: input.hasOther === true };
  const answer = await asked.endpoint.chat(embeddingsRequest(items, inputs.flat(), context), options);
  context.trace?.answered(answer);
  const tokens = sharesOf(answer.totalTokens, items.map(weightOf));
  const entries = vectorEntries(answer.body);
  const { vectors = [] } = answer;
  let from = 0;
  return items.map((item, at) => {
    const several = Array.isArray(item.input) && inputsOf(item.input) === item.input;
    const [start, end] = [from, from + (inputs[at]?.length ?? 0)];
    from = end;
    const raw = { ...answer.body, data: entries.slice(start, end) };
    const result: ResultLine = {
      id: item.id,
      model: input.target,
      ...vectorFields(vectors.slice(start, end), several),
      tokens: tokens[at] ?? 0,
      ...(input.options.detail ? details(answer, tokens[at] ?? 0, context) : {}),
      ...(context.settings.raw === true ? { raw } : {}),
    };
    const joined = at === 0 ? {} : { joined: true };
    const facts = factsOf(answer, { prompt: tokens[at] ?? 0, completion: 0 }, context);
    return { record: { item: item.item, ...joined, ...facts, result }, latencyMs: answer.latencyMs };
  });
}

function embeddingsRequest(
  items: Together,
  inputs: readonly unknown[],
  { input, settings, asked }: CompletionContext,
): ChatRequest {
  const { maxTokens, temperature, timeoutSecs } = input.options;
  const texts = items.map(({ prompt }) => prompt);
  return {
    api: 'embeddings',
    model: asked.model,
    prompt: texts.join('\n'),
    texts,
    inputs,
    maxTokens,
    temperature,
    timeoutMs: timeoutSecs * 1000,
    // They have the same fields of their own: only such items go together.
    ...formOf(items[0], settings, asked.form),
  };
}

/** Returns a number in parts by their weights, which are whole and add up to it. */
function sharesOf(total: number, weights: readonly number[]): number[] {
  const sum = weights.reduce((all, weight) => all + weight, 0);
  let weight = 0;
  let given = 0;
  return weights.map((own) => {
    weight += own;
    const part = Math.round((total * weight) / sum) - given;
    given += part;
    return part;
  });
}

/** The endpoint counts a request's tokens; an item gets its part by its length. */
function weightOf({ prompt, input }: PackItem): number {
  return Math.max(1, estimatedTokens(prompt) + givenTokens(input));
}

function vectorFields(vectors: readonly Vector[], several: boolean): object {
  return several ? { embeddings: vectors } : { embedding: vectors[0] };
}

function details(answer: ChatAnswer, tokens: number, { attempt, tried, input }: CompletionContext): object {
  return {
    prompt_tokens: tokens,
    attempts: attempt,
    latency_ms: answer.latencyMs,
    node_id: answer.nodeId ?? null,
    models_tried: [...new Set([...tried, input.target])],
  };
}
