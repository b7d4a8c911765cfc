import { hash } from 'node:crypto';

/** Size of a key (bytes): the first half of a SHA-256. */
export const KEY_BYTES = 16;

/** Fields of a line that no request has, and the attachment, which counts by its content. */
const NOT_SENT: ReadonlySet<string> = new Set(['id', 'error', 'columns', 'attachment']);

/**
 * Returns the key of an item: equal for two items exactly if requests about them are equal, asked by one run. Every field of a
 * line counts but those that are not sent, so that no new one is forgotten. `attachment` describes the content that is
 * attached. How a run asks (its endpoint, model, parameters and schema) is not in it: see `asksTheSame` in `store/owner.ts`.
 */
export function contentKey(line: object, attachment?: string): Uint8Array {
  const fields = Object.entries(line).filter(([field, value]) => value !== undefined && !NOT_SENT.has(field));
  // The order of fields in a line changes no request.
  fields.sort(([a], [b]) => (a < b ? -1 : 1));
  if (attachment !== undefined) fields.push(['attachment', attachment]);
  return hash('sha256', JSON.stringify(fields), 'buffer').subarray(0, KEY_BYTES);
}
