import { z } from 'zod';
import type { RequestBody } from './request-form.js';

/** A message of a conversation, as OpenAI's chat API has it; further fields are passed on. */
export interface ChatMessage {
  /** `system`, `user`, `assistant`, or what else the endpoint knows. */
  readonly role: string;
  /** A text, or parts: text, `image_url` and `input_audio` with their data or an http(s) URL. */
  readonly content?: unknown;
  readonly [field: string]: unknown;
}

const messageSchema = z.looseObject({ role: z.string().min(1) });

/**
 * One line of the input file. Unknown fields are refused, so that a misspelt one is found. An optional field that is `null`
 * counts as absent; the parser removes it before this schema applies.
 */
export const inputLineSchema = z.strictObject({
  prompt: z.string().refine(isNotBlank, 'must not be empty').optional(),
  messages: z.array(messageSchema).min(1).readonly().optional(),
  id: z.union([z.string().min(1), z.number().refine(Number.isFinite)]).optional(),
  attachment: z.string().min(1).optional(),
  system: z.string().refine(isNotBlank, 'must not be empty').optional(),
  model: z.string().min(1).optional(),
  max_tokens: z.int().min(1).optional(),
  temperature: z.number().min(0).max(2).optional(),
  body: z.record(z.string(), z.unknown()).optional(),
  columns: z.record(z.string(), z.unknown()).optional(),
  error: z.string().optional(),
}) satisfies z.ZodType<InputLine>;

/** A parsed input line. It has either `prompt` or `messages`. */
export interface InputLine {
  /** The text to send. */
  prompt?: string | undefined;
  /** The conversation to send, instead of a prompt. */
  messages?: readonly ChatMessage[] | undefined;
  /** The item's id in the output. Default: the 1-based number of its line. */
  id?: string | number | undefined;
  /** Path or URL of an image or a sound, or a data URL; for an item with a prompt. */
  attachment?: string | undefined;
  /** System message that goes before the prompt. That of the run's options takes its place. */
  system?: string | undefined;
  /** Model to ask, if the run's options name none; the same for all items of the input. */
  model?: string | undefined;
  /** Maximum tokens of the answer, in the place of the run's. */
  max_tokens?: number | undefined;
  /** Sampling temperature, in the place of the run's. */
  temperature?: number | undefined;
  /** Further fields of the request, which go before those of the run. */
  body?: RequestBody | undefined;
  /** Copied into the item's output line as they are. */
  columns?: Readonly<Record<string, unknown>> | undefined;
  /** Why the item failed before, as `results --failed` writes it beside the item. Ignored. */
  error?: string | undefined;
}

function isNotBlank(text: string): boolean {
  return text.trim() !== '';
}

/** An item's id in the output: its own, or the 1-based number of its line. */
export type ItemId = string | number;
