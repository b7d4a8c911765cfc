import type { JsonSchema } from '../batch/options.js';

/** The schema that an answer must satisfy, as `response_format` has it. */
export interface AnswerSchema {
  /** Letters, digits, `_` and `-`, 64 at most: OpenAI's rule. */
  readonly name: string;
  readonly schema: JsonSchema;
}

/** What every attachment says of itself. */
interface AttachmentKind {
  readonly kind: 'image' | 'audio';
  /** For instance `image/png`, `audio/wav`. */
  readonly mediaType: string;
}

/** An http(s) or `data:` URL, handed to the model as it is. */
export interface LinkedAttachment extends AttachmentKind {
  readonly url: string;
}

/** Bytes that are read and encoded while the request is sent, and never whole in memory. */
export interface StreamedAttachment extends AttachmentKind {
  /** Size; the request's length is computed from it, so another number of bytes is an error. */
  readonly bytes: number;
  open(): AsyncIterable<Uint8Array> | Promise<AsyncIterable<Uint8Array>>;
}

/** A picture or a sound that goes with a prompt. */
export type ChatAttachment = LinkedAttachment | StreamedAttachment;

/** One prompt for one model. */
export interface ChatRequest {
  readonly model: string;
  readonly prompt: string;
  readonly attachment?: ChatAttachment;
  readonly maxTokens: number;
  readonly temperature: number;
  /** Time for the answer, ms; sent to the endpoint in whole seconds, rounded up. */
  readonly timeoutMs: number;
  readonly schema?: AnswerSchema;
}
