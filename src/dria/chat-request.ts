import type { ApiName } from '../batch/api.js';
import type { ChatMessage } from '../batch/items.js';
import type { Modality } from '../batch/modality.js';
import type { JsonSchema } from '../batch/options.js';
import type { RequestForm } from '../batch/request-form.js';
import type { CheckedOutput } from './answer-check.js';

/** The schema that an answer must satisfy, as `response_format` has it. */
export interface AnswerSchema {
  /** Letters, digits, `_` and `-`, maximum 64: OpenAI's rule. */
  readonly name: string;
  readonly schema: JsonSchema;
  /** Checks an answer's text: {@link CheckedOutput} is then in the answer. Without it the caller checks by itself. */
  check?(text: string): CheckedOutput;
}

/** Kinds of attachments, by what they ask of a model. */
export type AttachmentKind = 'image' | 'audio' | 'file';

/** What every attachment says of itself. */
interface AboutAttachment {
  readonly kind: AttachmentKind;
  /** For instance `image/png`, `audio/wav`, `application/pdf`. */
  readonly mediaType: string;
  /** Name that a file goes with. */
  readonly name?: string;
}

/** An http(s) or `data:` URL, handed to the model as it is. */
export interface LinkedAttachment extends AboutAttachment {
  readonly url: string;
}

/** Bytes that are read and encoded while the request is sent, and never whole in memory. */
export interface StreamedAttachment extends AboutAttachment {
  /** Size; the request's length is computed from it, so another number of bytes is an error. */
  readonly bytes: number;
  /** Opens the bytes. Called again if the request is sent again in another form. */
  open(): AsyncIterable<Uint8Array> | Promise<AsyncIterable<Uint8Array>>;
}

/** A picture, a sound or a PDF that goes with a prompt. */
export type ChatAttachment = LinkedAttachment | StreamedAttachment;

/** An answer of the model that does not satisfy the schema, to be answered anew. */
export interface AnswerToRepair {
  /** Its text, or the beginning of it. */
  readonly text: string;
  /** Length of the whole text, characters. */
  readonly length: number;
  /** What is wrong with it. */
  readonly complaint: string;
}

/** One prompt for one model. */
export interface ChatRequest {
  readonly model: string;
  readonly prompt: string;
  /** The conversation, instead of the prompt, which then has its texts. */
  readonly messages?: readonly ChatMessage[];
  /** What the endpoint is asked by. Default: `chat`. */
  readonly api?: ApiName;
  /** What is asked in the form of the path, instead of the prompt, which then has its texts. */
  readonly input?: unknown;
  /** What vectors are asked of; the prompt has all their texts. Default: the prompt. */
  readonly inputs?: readonly unknown[];
  /** The texts of the inputs, each of which an error may repeat. */
  readonly texts?: readonly string[];
  /** What the request asks of the model. Default: what its attachments do. */
  readonly modality?: Modality;
  /** System message before the prompt. */
  readonly system?: string;
  /** They follow the prompt, or stand for the parts of the messages that name a path, in their order. */
  readonly attachments?: readonly ChatAttachment[];
  /** The model's earlier answer to the prompt: the conversation goes on from there. */
  readonly repair?: AnswerToRepair;
  readonly maxTokens: number;
  readonly temperature: number;
  /** Time for the answer (ms); sent to Dria's own endpoint in whole seconds, rounded up. */
  readonly timeoutMs: number;
  readonly schema?: AnswerSchema;
  /** What the request has otherwise than usual. */
  readonly form?: RequestForm;
  /** Accepts an answer with nothing in it if the model ended by itself (`finish_reason: stop`). */
  readonly acceptEmpty?: boolean;
}
