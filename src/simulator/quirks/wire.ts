import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { z } from 'zod';
import type { Payload } from '../payload.js';
import { htmlRefusal } from '../responses.js';
import type { Quirk } from './quirk.js';
import { BadQuirk } from './quirk.js';
import { readChoice } from './values.js';

/** Quirks of the bytes and of the paths. */

const BYTE_ORDER_MARK = '\ufeff';

export const prefix: Quirk = {
  name: 'prefix',
  value: 'path',
  help: 'Answers under a path only (/v1); else an HTML 404.',
  start: (value = '/v1') => {
    if (!/^(\/[\w.-]+)+$/.test(value)) throw new BadQuirk(`expected a path such as /openai/v1, not ${value}`);
    return {
      path: (path) => {
        const rest = path.startsWith(`${value}/`) ? path.slice(value.length) : undefined;
        if (rest === '/chat/completions' || rest === '/models' || rest === '/credits/balance') return `/v1${rest}`;
        return htmlRefusal(404, '404 Not Found', '404 Not Found', { server: 'nginx' });
      },
    };
  },
};

export const eventStream: Quirk = {
  name: 'sse',
  help: 'Answers are event streams though stream is false.',
  start: () => ({
    write: (payload) => {
      if (payload.status !== 200 || !payload.contentType.startsWith('application/json')) return payload;
      const body = events(String(payload.body));
      return body === undefined ? payload : { ...payload, contentType: 'text/event-stream; charset=utf-8', body };
    },
  }),
};

const answerSchema = z.looseObject({
  choices: z.array(z.object({ message: z.looseObject({ content: z.string() }), finish_reason: z.string() })).length(1),
  usage: z.unknown(),
});

/** Splits an answer into the chunks of a stream. Returns undefined for what is no answer. */
function events(json: string): string | undefined {
  const parsed = answerSchema.safeParse(JSON.parse(json));
  const choice = parsed.data?.choices[0];
  if (parsed.data === undefined || choice === undefined) return undefined;
  const { choices, usage, ...about } = parsed.data;
  const chunk = (delta: object, finish: unknown, rest: object = {}): string => {
    const body = {
      ...about,
      object: 'chat.completion.chunk',
      choices: [{ index: 0, delta, finish_reason: finish }],
      ...rest,
    };
    return `data: ${JSON.stringify(body)}\n\n`;
  };
  const { content, ...others } = choice.message;
  const middle = Math.ceil(content.length / 2);
  return [
    ': keep-alive\n\n',
    chunk({ ...others, content: '' }, null),
    chunk({ content: content.slice(0, middle) }, null),
    chunk({ content: content.slice(middle) }, null),
    chunk({}, choice.finish_reason, usage === undefined ? {} : { usage }),
    'data: [DONE]\n\n',
  ].join('');
}

export const byteOrderMark: Quirk = {
  name: 'bom',
  help: 'JSON begins with a byte-order mark.',
  start: () => ({
    write: (payload) =>
      payload.contentType.startsWith('application/json')
        ? { ...payload, body: BYTE_ORDER_MARK + String(payload.body) }
        : payload,
  }),
};

const ENCODERS = { gzip: gzipSync, deflate: deflateSync, br: brotliCompressSync } as const;

export const encoded: Quirk = {
  name: 'encoded',
  value: 'gzip|deflate|br',
  help: 'Bodies are compressed though nobody asked for it.',
  start: (value, context) => {
    const encoding = readChoice(value, ['gzip', 'deflate', 'br'], context);
    return {
      write: (payload: Payload) => ({
        ...payload,
        body: ENCODERS[encoding](payload.body),
        headers: { ...payload.headers, 'content-encoding': encoding },
      }),
    };
  },
};
