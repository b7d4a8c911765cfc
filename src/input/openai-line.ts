import { z } from 'zod';
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
type FromOpenAi = { readonly item: Record<string, unknown> } | { readonly problems: readonly FieldProblem[] };

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
  if (url != null && !/(^|\/)chat\/completions\/?$/.test(url)) {
    return problem('url', `must be /v1/chat/completions, not ${excerpt(url)}`);
  }
  const { model, messages, ...rest } = body;
  if (messages === undefined) return problem('body', 'has no messages');
  // An id that the options make goes before the file's own.
  const id = 'id' in line ? line.id : (custom_id ?? undefined);
  return { item: { id, model: model ?? undefined, messages, body: rest } };
}

function problem(field: string, message: string): FromOpenAi {
  return { problems: [{ field, message }] };
}
