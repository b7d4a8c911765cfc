import { z } from 'zod';
import { API_PATHS, type ApiName, apiOfUrl } from '../batch/api.js';
import type { FieldProblem } from './errors.js';
import { excerpt } from './excerpt.js';

/** A line of a file made for OpenAI's batches, as far as the form goes. */
const batchLineSchema = z.object({
  custom_id: z.union([z.string().min(1), z.number()]).nullish(),
  method: z.string().nullish(),
  url: z.string().nullish(),
  body: z.record(z.string(), z.unknown()),
});

/** Fields by which such a line is told from an item of our own. */
const MARKS = ['custom_id', 'method', 'url'] as const;

/** What becomes of a line: the fields of an item, or why it cannot be one. */
type FromOpenAi =
  | {
      readonly item: Record<string, unknown>;
      /** What its `url` says; absent without one. */
      readonly api?: ApiName;
      /** What it asks, in the form of its path; absent for a conversation. */
      readonly input?: unknown;
    }
  | { readonly problems: readonly FieldProblem[] };

/** Returns the item that a line of OpenAI's batch format is; undefined for a line of another form. */
export function fromOpenAiLine(line: object): FromOpenAi | undefined {
  if (!('body' in line) || 'prompt' in line || 'messages' in line || !MARKS.some((mark) => mark in line))
    return undefined;
  const parsed = batchLineSchema.safeParse(line);
  if (!parsed.success) {
    return { problems: parsed.error.issues.map(({ path, message }) => ({ field: String(path[0]), message })) };
  }
  const { custom_id, method, url, body } = parsed.data;
  if (method != null && method.toUpperCase() !== 'POST')
    return problem('method', `must be POST, not ${excerpt(method)}`);
  const api = url == null ? undefined : apiOfUrl(url);
  if (url != null && api === undefined) {
    const paths = Object.values(API_PATHS).map((path) => `/v1${path}`);
    return problem('url', `must be ${paths.join(', ')}, not ${excerpt(url)}`);
  }
  // An id that the options make goes before the file's own.
  const id = 'id' in line ? line.id : (custom_id ?? undefined);
  return { ...ITEMS[api ?? apiOfBody(body)](body, id), ...(api === undefined ? {} : { api }) };
}

/** Without a URL a conversation is told by its messages; what else it may be, the run must say. */
function apiOfBody(body: Body): ApiName {
  if (body.messages !== undefined) return 'chat';
  if (body.input !== undefined) return 'responses';
  return body.prompt === undefined ? 'chat' : 'completions';
}

type Body = Readonly<Record<string, unknown>>;

/** Takes what makes an item out of a body; the rest is passed on as it is. */
const ITEMS: Readonly<Record<ApiName, (body: Body, id: unknown) => FromOpenAi>> = {
  chat: ({ model, messages, ...rest }, id) => {
    if (messages === undefined) return problem('body', 'has no messages');
    return { item: { id, model: model ?? undefined, messages, body: rest } };
  },
  responses: ({ model, input, instructions, ...rest }, id) => {
    // A prompt that is stored at OpenAI may need no input.
    if (input === undefined && rest.prompt === undefined) return problem('body', 'has no input');
    const isText = typeof instructions === 'string' && instructions.trim() !== '';
    const body = isText || instructions == null ? rest : { ...rest, instructions };
    return { item: { id, model: model ?? undefined, system: isText ? instructions : undefined, body }, input };
  },
  completions: ({ model, prompt, ...rest }, id) => {
    if (prompt === undefined) return problem('body', 'has no prompt');
    return { item: { id, model: model ?? undefined, body: rest }, input: prompt };
  },
  embeddings: ({ model, input, ...rest }, id) => {
    const isNone = input == null || input === '' || (Array.isArray(input) && input.length === 0);
    if (isNone) return problem('body', input == null ? 'has no input' : 'has an input with nothing in it');
    return { item: { id, model: model ?? undefined, body: rest }, input };
  },
};

function problem(field: string, message: string): { readonly problems: readonly FieldProblem[] } {
  return { problems: [{ field, message }] };
}
