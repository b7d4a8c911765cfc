import { z } from 'zod';
import type { CompletionBody } from './answers.js';

/** A way of asking that is answered as a chat is: how its request is one, and what its answer becomes. */
export interface ChatPath {
  /** Returns the body of the chat. A body that cannot be one is refused by what checks it. */
  toChat(sent: Readonly<Record<string, unknown>>): unknown;
  /** Returns the answer's body. */
  fromChat(body: CompletionBody): object;
}

/** Chats as they are. */
export const CHAT: ChatPath = { toChat: (sent) => sent, fromChat: (body) => body };

const partSchema = z.looseObject({ type: z.string(), text: z.string().optional() }).transform((part) => {
  if (part.type === 'input_text' || part.type === 'output_text') return { ...part, type: 'text' };
  if (part.type === 'input_image') return { type: 'image_url', image_url: { url: part.image_url } };
  if (part.type !== 'input_file') return part;
  const { filename = 'file', file_data, file_url } = part;
  return { type: 'file', file: { filename, file_data: file_data ?? file_url } };
});
const contentSchema = z.union([z.string(), z.array(partSchema)]);

const responsesSchema = z.looseObject({
  input: z.union([z.string(), z.array(z.looseObject({ role: z.string(), content: contentSchema }))]),
  instructions: z.string().nullish(),
  max_output_tokens: z.unknown().optional(),
  text: z.looseObject({ format: z.looseObject({ type: z.string() }).optional() }).optional(),
});

function formatOf(format: Readonly<Record<string, unknown>> | undefined): unknown {
  if (format?.type !== 'json_schema') return format;
  const { type, ...schema } = format;
  return { type, json_schema: schema };
}

/** `/v1/responses`. */
export const RESPONSES: ChatPath = {
  toChat: (sent) => {
    const parsed = responsesSchema.safeParse(sent);
    if (!parsed.success) return { ...sent, messages: undefined };
    const { input, instructions, max_output_tokens, text, ...rest } = parsed.data;
    const said = typeof input === 'string' ? [{ role: 'user', content: input }] : input;
    const messages = typeof instructions === 'string' ? [{ role: 'system', content: instructions }, ...said] : said;
    return { ...rest, messages, max_tokens: max_output_tokens, response_format: formatOf(text?.format) };
  },
  fromChat: ({ id, created, model, choices: [choice], usage, metadata }) => {
    const { message, finish_reason } = choice;
    const isCut = finish_reason !== 'stop';
    const status = isCut ? 'incomplete' : 'completed';
    const thought =
      message.reasoning_content === undefined
        ? []
        : [{ id: `rs-${id}`, type: 'reasoning', summary: [{ type: 'summary_text', text: message.reasoning_content }] }];
    const content = [{ type: 'output_text', text: message.content, annotations: [] }];
    const said =
      message.content === '' && isCut ? [] : [{ id: `msg-${id}`, type: 'message', role: 'assistant', status, content }];
    return {
      id,
      object: 'response',
      created_at: created,
      status,
      error: null,
      incomplete_details: isCut ? { reason: finish_reason === 'length' ? 'max_output_tokens' : finish_reason } : null,
      model,
      output: [...thought, ...said],
      ...(usage === undefined ? {} : { usage: usageOf(usage) }),
      metadata,
    };
  },
};

function usageOf(usage: Readonly<Record<string, unknown>>): object {
  const { prompt_tokens, completion_tokens, total_tokens, prompt_tokens_details } = usage;
  return {
    input_tokens: prompt_tokens,
    ...(prompt_tokens_details === undefined ? {} : { input_tokens_details: prompt_tokens_details }),
    output_tokens: completion_tokens,
    total_tokens,
  };
}

/** `/v1/completions`. */
export const COMPLETIONS: ChatPath = {
  toChat: ({ prompt, ...rest }) => ({
    ...rest,
    messages: typeof prompt === 'string' ? [{ role: 'user', content: prompt }] : undefined,
  }),
  fromChat: ({ choices: [choice], ...body }) => ({
    ...body,
    object: 'text_completion',
    choices: [{ index: 0, text: choice.message.content, logprobs: null, finish_reason: choice.finish_reason }],
  }),
};
