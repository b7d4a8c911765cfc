import { z } from 'zod';
import { MAX_MODEL_LENGTH } from './limits.js';
import type { RequestBody } from './request-form.js';

/** A message of a conversation, as OpenAI's chat API has it; further fields are passed on. */
export interface ChatMessage {
  /** `system`, `user`, `assistant`, or what else the endpoint knows. */
  readonly role: string;
  /**
   * A text, or parts: text, `image_url`, `input_audio` and `file` with their data, an http(s) URL, or the path of a file: the
   * `url` of an `image_url`, `path` in an `input_audio` or a `file`.
   */
  readonly content?: unknown;
  readonly [field: string]: unknown;
}

const messageSchema = z.looseObject({ role: z.string().min(1) });

/** Maximum number of attachments of an item. */
export const MAX_ATTACHMENTS = 1_000;

/**
 * One line of the input file. Unknown fields are refused, so that a misspelt one is found. An optional field that is `null`
 * counts as absent; the parser removes it before this schema applies.
 */
export const inputLineSchema = z.strictObject({
  prompt: z.string().refine(isNotBlank, 'must not be empty').optional(),
  messages: z.array(messageSchema).min(1).readonly().optional(),
  id: z.union([z.string().min(1), z.number().refine(Number.isFinite)]).optional(),
  attachment: z.string().min(1).optional(),
  attachments: z.array(z.string().min(1)).max(MAX_ATTACHMENTS).readonly().optional(),
  system: z.string().refine(isNotBlank, 'must not be empty').optional(),
  model: z.string().min(1).max(MAX_MODEL_LENGTH).optional(),
  max_tokens: z.int().min(1).optional(),
  temperature: z.number().min(0).max(2).optional(),
  schema: z.union([z.string().min(1), z.record(z.string(), z.unknown())]).optional(),
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
  /** Path or URL of a picture, a sound or a PDF, or a data URL; for an item with a prompt. */
  attachment?: string | undefined;
  /** Several of them, in the order in which they are sent; after `attachment`, if there is one. */
  attachments?: readonly string[] | undefined;
  /** System message that goes before the prompt. That of the run's options takes its place. */
  system?: string | undefined;
  /** Model to ask, if the run's options name none: no other is asked about the item. */
  model?: string | undefined;
  /** Maximum tokens of the answer, in the place of the run's. */
  max_tokens?: number | undefined;
  /** Sampling temperature, in the place of the run's. */
  temperature?: number | undefined;
  /**
   * The schema of the answer, in the place of the run's: a JSON Schema, or its short form as `--schema` has it:
   * `sentiment,confidence:number`.
   */
  schema?: string | Readonly<Record<string, unknown>> | undefined;
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
