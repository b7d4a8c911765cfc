import type { IncomingMessage } from 'node:http';
import { StringDecoder } from 'node:string_decoder';
import { z } from 'zod';
import type { StatusResponse } from './responses.js';
import { refusal } from './responses.js';

/** A request body that cannot be taken, with the refusal that says why. */
export class BadBody extends Error {
  override readonly name = 'BadBody';
  constructor(readonly response: StatusResponse) {
    super(response.message);
  }
}

/**
 * Reads a JSON body and checks it. Throws {@link BadBody}: 413 over `maxBytes`, 400 for what is no JSON or does not fit
 * the schema. Throws an ordinary Error when the client goes away in the middle.
 */
export async function readJson<T>(request: IncomingMessage, schema: z.ZodType<T>, maxBytes: number): Promise<T> {
  return checkBody(parseJson(await readText(request, maxBytes)), schema);
}

/** Checks a body that was read. Throws {@link BadBody}: 400. */
export function checkBody<T>(body: unknown, schema: z.ZodType<T>): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new BadBody(refusal(400, `bad request: ${z.prettifyError(parsed.error)}`));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new BadBody(refusal(400, 'bad request: the body is not JSON'));
  }
}

function readText(request: IncomingMessage, maxBytes: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const decoder = new StringDecoder('utf8');
    let text = '';
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      // Read to the end even so: a client that is still sending would not see the answer.
      if (bytes > maxBytes) text = '';
      else text += decoder.write(chunk);
    });
    request.once('end', () => {
      if (bytes > maxBytes) reject(new BadBody(refusal(413)));
      else resolve(text + decoder.end());
    });
    request.once('close', () => {
      if (!request.complete) reject(new Error('the client left before the end of its request'));
    });
    request.once('error', reject);
  });
}
