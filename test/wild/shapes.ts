import type { OutputLine } from '../support/batch-world.js';

/** A picture of one pixel. */
export const PNG =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

/** An object with one text. */
export const SCHEMA = {
  type: 'object',
  properties: { answer: { type: 'string' } },
  required: ['answer'],
  additionalProperties: false,
};

/** A refusal as an endpoint's JSON. */
export function refused(status: number, body: unknown, headers: Record<string, string> = {}) {
  return { status, message: JSON.stringify(body), headers: { 'content-type': 'application/json', ...headers } };
}

/** A refusal as a page of a web server. */
export function page(status: number, title: string) {
  const html = `<!DOCTYPE html><html><head><title>${title}</title></head><body><h1>${title}</h1></body></html>`;
  return { status, message: html, headers: { 'content-type': 'text/html' } };
}

/** OpenAI's form of an error. */
export function openAi(message: string, more: object = {}): object {
  return { error: { message, type: 'invalid_request_error', param: null, code: null, ...more } };
}

/** Prompts with a picture each. */
export function pictures(count: number): { prompt: string; attachment: string }[] {
  return Array.from({ length: count }, (_, index) => ({ prompt: `picture ${index}.`, attachment: PNG }));
}

/** The errors of the lines that have one, by the number of the line. */
export function errorsOf(lines: readonly OutputLine[]): Record<number, string> {
  return Object.fromEntries(lines.flatMap(({ error }, index) => (error === undefined ? [] : [[index, error]])));
}
