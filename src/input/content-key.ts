import { hash } from 'node:crypto';
import type { ChatMessage, InputLine } from '../batch/items.js';
import { replaceAttached } from '../batch/message-parts.js';

/** Size of a key (bytes): the first half of a SHA-256. */
export const KEY_BYTES = 16;

/** Fields of a line that no request has, and the attachments, which count by their contents. */
const NOT_SENT: ReadonlySet<string> = new Set(['id', 'error', 'columns', 'attachment', 'attachments']);

/**
 * Returns the key of an item: equal for two items exactly if requests about them are equal, asked by one run. Every field of a
 * line counts but those that are not sent, so that no new one is forgotten. `attached` describes the contents that are
 * attached. How a run asks (its endpoint, model, parameters and schema) is not in it: see `asksTheSame` in `store/owner.ts`.
 */
export function contentKey(line: InputLine, attached: readonly string[] = []): Uint8Array {
  const { messages, ...others } = line;
  const sent = Object.entries({
    ...others,
    ...(messages === undefined ? {} : { messages: withContents(messages, attached) }),
  });
  const fields: [string, unknown][] = sent.filter(([field, value]) => value !== undefined && !NOT_SENT.has(field));
  // The order of fields in a line changes no request.
  fields.sort(([a], [b]) => (a < b ? -1 : 1));
  if (messages === undefined) for (const content of attached) fields.push(['attachment', content]);
  return hash('sha256', JSON.stringify(fields), 'buffer').subarray(0, KEY_BYTES);
}

/** Puts the content of each attachment in the place of its path. */
function withContents(messages: readonly ChatMessage[], attached: readonly string[]): readonly ChatMessage[] {
  if (attached.length === 0) return messages;
  return replaceAttached(messages, ({ part, text }, index) => {
    const rest = JSON.stringify(part, (_name, value: unknown) => (value === text ? '' : value));
    return { part: rest, content: attached[index] };
  });
}
