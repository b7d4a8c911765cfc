import { isObject, type JsonObject, parseBody } from './json.js';

/** Returns whether a body is an event stream, which some servers send though `stream` is false. */
export function isEventStream(text: string): boolean {
  return /^\s*(data|event|id|retry):|^:/.test(text);
}

/**
 * Returns the answer of an event stream in the form of one that was not streamed: the pieces of the text joined, the last
 * finish reason and usage. An error among the events is returned in its place, and a stream without an end as nothing.
 */
export function joinEvents(text: string): JsonObject | undefined {
  const events = eventsOf(text);
  const failed = events.find((event) => event.error !== undefined && event.error !== null);
  if (failed !== undefined) return failed;
  // A response's last event has all of it.
  const whole = events.findLast(
    ({ type }) => typeof type === 'string' && /^response\.(completed|incomplete|failed)$/.test(type),
  );
  if (isObject(whole?.response)) return whole.response;
  const choices = events.map(({ choices: list }) => (Array.isArray(list) ? list[0] : undefined)).filter(isObject);
  const finishReason = choices.map((choice) => choice.finish_reason).findLast((reason) => typeof reason === 'string');
  if (choices.length === 0 || (finishReason === undefined && !/^data:\s*\[DONE\]/m.test(text))) return undefined;
  const usage = events.map((event) => event.usage).findLast(isObject);
  const metadata = events.map((event) => event.metadata).findLast(isObject);
  const content = choices.map(pieceOf).join('');
  const said = choices.some((choice) => 'text' in choice) ? { text: content } : { message: { content } };
  return { choices: [{ ...said, finish_reason: finishReason }], usage, metadata };
}

function eventsOf(text: string): JsonObject[] {
  return text
    .split(/\r\n|\r|\n/)
    .filter((line) => line.startsWith('data:'))
    .map((line) => parseBody(line.slice('data:'.length)))
    .filter(isObject);
}

function pieceOf({ delta, message, text }: JsonObject): string {
  if (typeof text === 'string') return text;
  const piece = isObject(delta) ? delta.content : isObject(message) ? message.content : undefined;
  return typeof piece === 'string' ? piece : '';
}
