import { isObject, type JsonObject } from './json.js';

/** Returns the parts of the messages in a response's output: texts and refusals. */
export function answerParts(output: readonly unknown[]): readonly JsonObject[] {
  return output.filter(isObject).flatMap(({ type, content }) => {
    const isMessage = type === 'message' || type === undefined;
    return isMessage && Array.isArray(content) ? content.filter(isObject) : [];
  });
}

/** Returns what else a model has put out for others to do, as the endpoint has it: calls of tools. */
export function callsIn(output: readonly unknown[]): readonly JsonObject[] {
  return output.filter(isObject).filter(({ type }) => typeof type === 'string' && /_call$|^mcp_approval/.test(type));
}

/** Returns a model's reasoning, or the summary of it that it shows; empty if it shows none. */
export function reasoningIn(output: readonly unknown[]): string {
  const thoughts = output.filter(isObject).filter(({ type }) => type === 'reasoning');
  return thoughts
    .map(({ content, summary }) => textsOf(content) || textsOf(summary))
    .filter((text) => text !== '')
    .join('\n');
}

function textsOf(parts: unknown): string {
  if (!Array.isArray(parts)) return '';
  return parts
    .filter(isObject)
    .flatMap(({ text }) => (typeof text === 'string' ? [text] : []))
    .join('\n');
}
