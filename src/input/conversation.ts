import type { ChatMessage } from '../batch/items.js';
import type { Modality } from '../batch/modality.js';
import type { FieldProblem } from './errors.js';
import { excerpt } from './excerpt.js';

/** A part of a message's content that is no text. */
interface Part {
  readonly type?: unknown;
  readonly text?: unknown;
  readonly image_url?: unknown;
}

/** Something with a content: a message, or an entry of an input. */
type WithContent = Pick<ChatMessage, 'content'>;

/**
 * Returns the entries of a request's input as messages: a text, or what `/v1/responses` has in a list. Texts, and tokens, stand
 * for themselves.
 */
export function entriesOf(input: unknown): readonly WithContent[] {
  const entries: readonly unknown[] = Array.isArray(input) ? input : [input];
  return entries.flatMap((entry) => {
    if (typeof entry === 'string') return [{ content: entry }];
    if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) return [];
    return [{ content: 'content' in entry ? entry.content : [entry] }];
  });
}

/** Returns the texts of a conversation, one a line: what is estimated, and what an endpoint may repeat in an error. */
export function textOf(messages: readonly WithContent[]): string {
  return messages
    .flatMap((message) => partsOf(message))
    .flatMap((part) => (typeof part.text === 'string' ? [part.text] : []))
    .join('\n');
}

/** Returns what a conversation asks of a model. */
export function modalityOf(messages: readonly WithContent[]): Modality {
  const types = new Set(messages.flatMap((message) => partsOf(message).map(({ type }) => type)));
  if (types.has('input_audio') || types.has('audio_url')) return 'audio';
  return types.has('image_url') || types.has('input_image') ? 'vision' : 'text';
}

/** Returns what cannot be sent of a conversation, in this field: pictures that are paths of this machine. */
export function messageProblems(messages: readonly WithContent[], field = 'messages'): FieldProblem[] {
  return messages.flatMap((message, at) =>
    partsOf(message).flatMap((part) => {
      const url = urlOf(part.image_url);
      if (url === undefined || /^(https?|data):/i.test(url)) return [];
      const way = 'give an http(s) or a data: URL, or a prompt with an "attachment"';
      return [{ field, message: `message ${at + 1} has the picture ${excerpt(url)}: ${way}` }];
    }),
  );
}

function urlOf(picture: unknown): string | undefined {
  const url = typeof picture === 'object' && picture !== null && 'url' in picture ? picture.url : picture;
  return typeof url === 'string' ? url : undefined;
}

function partsOf({ content }: WithContent): readonly Part[] {
  if (typeof content === 'string') return [{ type: 'text', text: content }];
  if (!Array.isArray(content)) return [];
  return content.filter((part: unknown): part is Part => typeof part === 'object' && part !== null);
}
