import type { ChatRequest } from '../chat-request.js';
import { chance } from '../hash.js';
import { textOf } from '../text-of.js';
import { BadQuirk, type Quirk } from './quirk.js';
import { readNumber, readPair } from './values.js';

/** A block of a prompt, in characters: 16 tokens, as servers have it. */
const BLOCK_CHARS = 64;
const BLOCK_TOKENS = 16;

/** How endpoints name the tokens of a prompt that came from a cache. */
const NAMES = {
  openai: (tokens: number) => ({ prompt_tokens_details: { cached_tokens: tokens } }),
  deepseek: (tokens: number) => ({ prompt_cache_hit_tokens: tokens }),
  anthropic: (tokens: number) => ({ cache_read_input_tokens: tokens }),
} as const;

export const prefixCache: Quirk = {
  name: 'prefix-cache',
  value: 'n[,openai|deepseek|anthropic]',
  help: 'Models keep n (100000) tokens of prompts.',
  start: (value) => {
    const [tokens, name = 'openai'] = readPair(value);
    if (!isName(name)) throw new BadQuirk(`expected one of ${Object.keys(NAMES).join(', ')}, not ${name}`);
    const caches = new Map<string, PrefixCache>();
    const found = new WeakMap<ChatRequest, number>();
    const capacity = Math.floor(readNumber(tokens, 100_000) / BLOCK_TOKENS);
    return {
      refuse: ({ request }) => {
        const cache = caches.get(request.model) ?? new PrefixCache(capacity);
        caches.set(request.model, cache);
        found.set(request, cache.find(blocksOf(request)));
        return undefined;
      },
      answer: (body, { request }) => {
        // Not before: requests that are answered at the same time cannot use each other's work.
        caches.get(request.model)?.add(blocksOf(request));
        const cached = Math.min((found.get(request) ?? 0) * BLOCK_TOKENS, Number(body.usage?.prompt_tokens ?? 0));
        return { ...body, usage: { ...body.usage, ...NAMES[name](cached) } };
      },
    };
  },
};

function isName(name: string): name is keyof typeof NAMES {
  return Object.hasOwn(NAMES, name);
}

/** Returns the names of the whole blocks of a request's messages, each with all that stands before it. */
function blocksOf({ messages }: ChatRequest): string[] {
  const text = messages.map(({ role, content }) => `${role}\n${textOf(content)}`).join('\n');
  const blocks: string[] = [];
  let before = '';
  for (let end = BLOCK_CHARS; end <= text.length; end += BLOCK_CHARS) {
    before = chance('block', before, text.slice(end - BLOCK_CHARS, end)).join();
    blocks.push(before);
  }
  return blocks;
}

/** The prompts' blocks that a model has at hand. Those that were used longest ago go first. */
class PrefixCache {
  private readonly blocks = new Set<string>();

  constructor(private readonly capacity: number) {}

  /** Returns how many of the first blocks are there. */
  find(blocks: readonly string[]): number {
    const missing = blocks.findIndex((block) => !this.blocks.has(block));
    const found = missing < 0 ? blocks.length : missing;
    this.touch(blocks.slice(0, found));
    return found;
  }

  add(blocks: readonly string[]): void {
    this.touch(blocks);
    for (const oldest of this.blocks) {
      if (this.blocks.size <= this.capacity) break;
      this.blocks.delete(oldest);
    }
  }

  /** The end of a prompt goes before its beginning, which others share. */
  private touch(blocks: readonly string[]): void {
    for (const block of blocks.toReversed()) {
      this.blocks.delete(block);
      this.blocks.add(block);
    }
  }
}
