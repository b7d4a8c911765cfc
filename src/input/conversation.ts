import type { ChatMessage } from '../batch/items.js';
import { isPart, partsOf } from '../batch/message-parts.js';
import type { FieldProblem } from './errors.js';
import { excerpt } from './excerpt.js';

/** Returns the texts of a conversation, one a line: what is estimated, and what an endpoint may repeat in an error. */
export function textOf(messages: readonly ChatMessage[]): string {
  return messages
    .flatMap((message) => partsOf(message))
    .flatMap((part) => (typeof part.text === 'string' ? [part.text] : []))
    .join('\n');
}

/** Returns what cannot be sent of a conversation: sounds and files whose path stands where their content belongs. */
export function messageProblems(messages: readonly ChatMessage[]): FieldProblem[] {
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
