import { countFrom } from '../batch/numbers.js';
import { isObject, type JsonObject } from './json.js';

/** What an answer has used. */
export interface Tokens {
  readonly totalTokens: number;
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** Tokens of the prompt that came from the endpoint's cache; absent if it does not count them. */
  readonly cachedTokens?: number;
  /** Tokens of the answer that the model has thought with; absent if the endpoint does not count them. */
  readonly reasoningTokens?: number;
  /** The endpoint does not count: the numbers are estimated from the lengths of prompt and answer. */
  readonly usageMissing?: true;
}

/** Characters of a token, on the average of English text. */
const CHARACTERS_PER_TOKEN = 4;

/** Returns what the endpoint has counted; an estimate if it has counted nothing, so that limits hold all the same. */
export function countedTokens(usage: unknown, prompt: string, text: string): Tokens {
  const fields = isObject(usage) ? usage : {};
  const promptTokens = count(fields.prompt_tokens ?? fields.input_tokens);
  const completionTokens = count(fields.completion_tokens ?? fields.output_tokens);
  const totalTokens = count(fields.total_tokens) || count(promptTokens + completionTokens);
  if (totalTokens === 0) return estimatedUsage(prompt, text);
  const cachedTokens = cachedIn(fields);
  const reasoningTokens = reasoningIn(fields);
  return {
    totalTokens,
    promptTokens,
    completionTokens,
    ...(cachedTokens === undefined ? {} : { cachedTokens }),
    ...(reasoningTokens === undefined ? {} : { reasoningTokens }),
  };
}

/** Returns what came from a cache, as OpenAI and vLLM name it, DeepSeek, or Anthropic. */
function cachedIn({
  input_tokens_details: ofInput,
  prompt_tokens_details: details = ofInput,
  ...usage
}: JsonObject): number | undefined {
  const fields = [isObject(details) ? details.cached_tokens : undefined, usage.prompt_cache_hit_tokens];
  const found = [...fields, usage.cache_read_input_tokens].find((value) => typeof value === 'number');
  return found === undefined ? undefined : count(found);
}

function reasoningIn({
  output_tokens_details: ofOutput,
  completion_tokens_details: details = ofOutput,
}: JsonObject): number | undefined {
  const value = isObject(details) ? details.reasoning_tokens : undefined;
  return typeof value === 'number' ? count(value) : undefined;
}

/** Returns about how many tokens a text has. */
export function estimatedTokens(text: string): number {
  return Math.ceil(text.length / CHARACTERS_PER_TOKEN);
}

function estimatedUsage(prompt: string, text: string): Tokens {
  const promptTokens = estimatedTokens(prompt);
  const completionTokens = estimatedTokens(text);
  return { totalTokens: promptTokens + completionTokens, promptTokens, completionTokens, usageMissing: true };
}

/** The most that is believed of one answer. */
const MAX_TOKENS = 1_000_000_000;

function count(value: unknown): number {
  return countFrom(value, MAX_TOKENS) ?? 0;
}
