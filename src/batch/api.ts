/** Ways of asking an endpoint, by the option's values. */
export const API_NAMES = ['chat', 'responses', 'completions', 'embeddings'] as const;
export type ApiName = (typeof API_NAMES)[number];

/** Paths below an endpoint's base URL. */
export const API_PATHS = {
  chat: '/chat/completions',
  responses: '/responses',
  completions: '/completions',
  embeddings: '/embeddings',
} as const satisfies Readonly<Record<ApiName, string>>;

/** Returns the way of asking that a URL, or a path, is about; undefined if it is none of them. */
export function apiOfUrl(url: string): ApiName | undefined {
  const path = url.replace(/[?#].*$/, '').replace(/\/+$/, '');
  // The path of chats ends as that of completions does.
  return API_NAMES.find((name) => path === API_PATHS[name].slice(1) || path.endsWith(API_PATHS[name]));
}

/** Options of a run that not every way of asking has a place for. */
export interface PlacedOptions {
  readonly schema?: unknown;
  readonly system?: unknown;
}

/** Returns which of a run's options has no place, and why; undefined if all have. */
export function placeProblem(api: ApiName, { schema, system }: PlacedOptions): string | undefined {
  const isVector = api === 'embeddings';
  if (schema !== undefined && (isVector || api === 'completions')) {
    const what = isVector ? 'an embedding is no text' : 'a plain completion has no structured output';
    return `a schema is for chat and responses: ${what}`;
  }
  return isVector && system !== undefined
    ? 'a system message is for answers: an embedding is of one text, so write it into the prompt'
    : undefined;
}

/** Returns the inputs of an item for `/v1/embeddings`, one vector each: a text, the tokens of one, or several of either. */
export function inputsOf(input: unknown): readonly unknown[] {
  if (!Array.isArray(input)) return [input];
  return input.every((token) => typeof token === 'number') ? [input] : input;
}

/** Returns how many tokens an input has that are given as such. */
export function givenTokens(input: unknown): number {
  return Array.isArray(input) ? input.flat().filter((token) => typeof token === 'number').length : 0;
}
