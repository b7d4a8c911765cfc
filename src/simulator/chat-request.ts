import type { IncomingHttpHeaders } from 'node:http';
import { z } from 'zod';
import type { Attachment } from './attachments.js';
import { readAudio, readFile, readImage } from './attachments.js';
import { shortHash } from './hash.js';
import { textOf } from './text-of.js';

const DEFAULT_MAX_TOKENS = 2048;

const partSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text'), text: z.string() }),
  z.object({ type: z.literal('image_url'), image_url: z.object({ url: z.string() }) }),
  z.object({
    type: z.literal('input_audio'),
    input_audio: z.object({ data: z.string(), format: z.enum(['wav', 'mp3']) }),
  }),
  z.object({ type: z.literal('file'), file: z.object({ filename: z.string().min(1), file_data: z.string() }) }),
]);
type Part = z.output<typeof partSchema>;

const responseFormatSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text') }),
  z.object({ type: z.literal('json_object') }),
  z.object({
    type: z.literal('json_schema'),
    json_schema: z.object({
      name: z.string().min(1),
      schema: z.record(z.string(), z.unknown()),
      strict: z.boolean().optional(),
    }),
  }),
]);

/** The body of `POST /v1/chat/completions` with the defaults of Dria's API. Unknown fields are let pass. */
const bodySchema = z.object({
  model: z.string().min(1),
  messages: z
    .array(
      z.object({
        role: z.enum(['system', 'developer', 'user', 'assistant']),
        content: z.union([z.string(), z.array(partSchema).min(1)]),
      }),
    )
    .min(1),
  max_tokens: z.number().int().positive().optional(),
  /** The newer name of `max_tokens`. */
  max_completion_tokens: z.number().int().positive().optional(),
  temperature: z.number().min(0).max(2).default(0.7),
  stream: z.boolean().default(false),
  timeout_secs: z.number().positive().default(120),
  response_format: responseFormatSchema.optional(),
});
export const chatRequestSchema = bodySchema.transform(({ max_completion_tokens, max_tokens, ...body }) => ({
  ...body,
  max_tokens: max_tokens ?? max_completion_tokens ?? DEFAULT_MAX_TOKENS,
}));
export type ChatRequest = z.output<typeof chatRequestSchema>;

/** A chat request with all that an answer may depend on. */
export interface Asked {
  readonly request: ChatRequest;
  /** The body as it was sent: without the defaults, with unknown fields. */
  readonly sent: Readonly<Record<string, unknown>>;
  readonly question: Question;
  readonly headers: IncomingHttpHeaders;
  /** The bearer key. */
  readonly key: string | undefined;
}

/** What a request asks, read out of its messages. */
export interface Question {
  /** Text of the last user message. */
  readonly prompt: string;
  /** Texts of all user messages: what rules look for. */
  readonly texts: string;
  /** {@link promptHash} of the prompt. */
  readonly promptHash: string;
  /** Characters of all messages. */
  readonly chars: number;
  readonly attachments: readonly Attachment[];
  /** Hash of the prompt with its attachments: what the simulator's chance depends on. */
  readonly content: string;
}

/** The hash of a prompt that the answer to it holds and the record shows: 16 hex digits. */
export function promptHash(prompt: string): string {
  return shortHash(prompt);
}

/** Reads the question out of a request. Throws {@link UnreadableAttachment}. */
export async function readQuestion({ messages }: ChatRequest): Promise<Question> {
  const last = messages.findLast((message) => message.role === 'user') ?? messages[messages.length - 1];
  const prompt = textOf(last?.content ?? '');
  const asked = messages.filter(({ role }) => role === 'user').map((message) => textOf(message.content));
  const texts = asked.join('\n');
  const chars = messages.reduce((sum, message) => sum + textOf(message.content).length, 0);
  const attachments: Attachment[] = [];
  for (const { content } of messages) {
    if (typeof content === 'string') continue;
    for (const part of content) {
      const attachment = await readAttachment(part);
      if (attachment !== undefined) attachments.push(attachment);
    }
  }
  const hash = promptHash(prompt);
  const content = [hash, ...attachments.map(({ sha256, url }) => sha256 ?? url ?? '')].join(' ');
  return { prompt, texts, promptHash: hash, chars, attachments, content };
}

async function readAttachment(part: Part): Promise<Attachment | undefined> {
  if (part.type === 'image_url') return readImage(part.image_url.url);
  if (part.type === 'input_audio') return readAudio(part.input_audio.data, part.input_audio.format);
  if (part.type === 'file') return readFile(part.file.file_data);
  return undefined;
}
