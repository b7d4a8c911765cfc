import { attachedPart, isPart, type MessagePart, partsOf, type WithContent } from '../batch/message-parts.js';
import type { FieldProblem } from './errors.js';
import { excerpt } from './excerpt.js';

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

/** Returns what cannot be sent of a conversation: sounds and files whose path stands where their content belongs. */
export function messageProblems(messages: readonly WithContent[]): FieldProblem[] {
  return messages.flatMap((message, at) =>
    partsOf(message).flatMap((part) => {
      const found = misplacedPath(part);
      if (found === undefined) return [];
      const way = `name a file by "path", as in {"type": "${found.type}", "${found.type}": {"path": "…"}}`;
      const what = `message ${at + 1} has ${excerpt(found.text)} as "${found.field}", which is no base64`;
      return [{ field: 'messages', message: `${what}: ${way}` }];
    }),
  );
}

/** Returns what cannot be sent of a request's own input: files of this machine, which only messages and attachments may name. */
export function inputProblems(input: unknown): FieldProblem[] {
  return entriesOf(input).flatMap((entry, at) =>
    partsOf(entry).flatMap((part) => {
      const path = attachedPart(part)?.text ?? misplacedPath(part)?.text ?? pictureOrFilePath(part);
      if (path === undefined) return [];
      const way = 'give an http(s) or a data: URL, or a prompt with an "attachment"';
      return [{ field: 'body', message: `entry ${at + 1} of the input has the file ${excerpt(path)}: ${way}` }];
    }),
  );
}

/** Base64 has no dot. */
const PATH = /^[^:]{1,1024}\.[a-z0-9]{1,5}$/i;

function misplacedPath(
  part: object,
): { readonly type: string; readonly field: string; readonly text: string } | undefined {
  for (const [type, field] of [
    ['input_audio', 'data'],
    ['file', 'file_data'],
  ] as const) {
    const about = new Map<string, unknown>(Object.entries(part)).get(type);
    const text = isPart(about) ? about[field] : undefined;
    if (typeof text === 'string' && PATH.test(text)) return { type, field, text };
  }
  return undefined;
}

/** Returns the text that stands where `/v1/responses` has the URL or the data of a picture or a file, if it is neither. */
function pictureOrFilePath({ image_url: image, file_url: link, file_data: data }: MessagePart): string | undefined {
  const url = [image, link].find((text) => typeof text === 'string' && !/^(https?|data):/i.test(text));
  if (typeof url === 'string') return url;
  return typeof data === 'string' && PATH.test(data) ? data : undefined;
}
