/** A well-known endpoint, as quirks of the simulated network. */
export interface Likeness {
  readonly name: string;
  readonly quirks: readonly string[];
  /** Asks for no bearer token. */
  readonly anonymous?: true;
}

/** Most endpoints list their models by name alone, and tell no balance. */
const PLAIN = ['no-node-counts', 'no-balance'];

/** What each endpoint does otherwise than Dria, from its documentation and from what its users report. */
export const LIKENESSES: readonly Likeness[] = [
  { name: 'dria', quirks: [] },
  { name: 'openai', quirks: [...PLAIN, 'words=openai', 'strict-fields=openai', 'reasoning-model', 'non-chat-models'] },
  {
    name: 'azure',
    anonymous: true,
    quirks: [...PLAIN, 'words=azure', 'wants-header=api-key', 'strict-fields=openai', 'non-chat-models'],
  },
  { name: 'openrouter', quirks: [...PLAIN, 'words=openrouter', 'no-images=openrouter'] },
  { name: 'groq', quirks: [...PLAIN, 'words=groq', 'strict-fields=openai', 'no-json-schema=object-only'] },
  { name: 'mistral', quirks: [...PLAIN, 'words=mistral', 'strict-fields=mistral'] },
  { name: 'together', quirks: [...PLAIN, 'words=together', 'non-chat-models'] },
  { name: 'vllm', quirks: [...PLAIN, 'words=vllm', 'no-images=vllm'] },
  { name: 'llamacpp', anonymous: true, quirks: [...PLAIN, 'words=llamacpp', 'no-images=llama'] },
  { name: 'ollama', anonymous: true, quirks: [...PLAIN, 'words=ollama'] },
  { name: 'litellm', quirks: [...PLAIN, 'words=litellm', 'no-json-schema=none'] },
];

/** Returns an endpoint's likeness. Throws a `RangeError` for one that is not known. */
export function likenessOf(name: string): Likeness {
  const found = LIKENESSES.find((likeness) => likeness.name === name);
  if (found !== undefined) return found;
  throw new RangeError(
    `there is no endpoint like ${name}; there are ${LIKENESSES.map((known) => known.name).join(', ')}`,
  );
}
