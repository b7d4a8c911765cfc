import type { Asked } from '../chat-request.js';
import type { StatusResponse } from '../responses.js';
import { htmlRefusal, jsonRefusal } from '../responses.js';
import type { OnEnd, Quirk } from './quirk.js';
import { BadQuirk } from './quirk.js';
import { pick, readItems } from './values.js';

/** Quirks that refuse single items. */

const LONG_TEXT_CHARS = 2_000;
/** How long a moderated prompt waits for the first answer of the endpoint, ms. */
const MODERATION_PATIENCE_MS = 5_000;
/** After the first answer, so that it has arrived before the refusal does, ms. */
const MODERATION_DELAY_MS = 50;

const PICTURE_REFUSALS = [
  {
    type: 'error',
    error: { type: 'invalid_request_error', message: 'Could not process image' },
    request_id: 'req_011CSim0000000000000000',
  },
  {
    error: {
      message: 'You uploaded an unsupported image. Please make sure your image is valid.',
      type: 'invalid_request_error',
      param: null,
      code: 'image_parse_error',
    },
  },
  [{ error: { code: 400, message: 'Unable to process input image.', status: 'INVALID_ARGUMENT' } }],
  { error: { code: 400, message: 'Failed to load image or audio file', type: 'invalid_request_error' } },
] as const;

export const badPicture: Quirk = {
  name: 'bad-picture',
  value: 'n|text',
  help: 'One picture in n (5) is refused: 400.',
  start: (value, context) => {
    const isChosen = readItems(value, 5, context);
    return {
      refuse: (asked) => {
        if (asked.question.attachments.length === 0 || !isChosen(asked)) return undefined;
        return jsonRefusal(400, pick(PICTURE_REFUSALS, 'bad-picture', asked.question.content));
      },
    };
  },
};

export const moderation: Quirk = {
  name: 'moderation',
  value: 'n|text',
  help: 'One prompt in n (5) gets 403, after a first answer.',
  start: (value, context) => {
    const isChosen = readItems(value, 5, context);
    let firstContent: string | undefined;
    let reportAnswer = (): void => {};
    const answered = new Promise<void>((resolve) => {
      reportAnswer = resolve;
    });
    const watch = (onEnd: OnEnd): void => onEnd((isAnswer) => (isAnswer ? reportAnswer() : undefined));
    return {
      refuse: async (asked, onEnd) => {
        // With one in n the first prompt is let through, so that there is an answer to wait for.
        const isText = value !== undefined && Number.isNaN(Number(value));
        firstContent ??= isText ? '' : asked.question.content;
        if (!isChosen(asked) || asked.question.content === firstContent) {
          watch(onEnd);
          return undefined;
        }
        await Promise.race([answered, new Promise((resolve) => setTimeout(resolve, MODERATION_PATIENCE_MS).unref())]);
        return { ...moderationRefusal(asked), delayMs: MODERATION_DELAY_MS };
      },
    };
  },
};

/** Returns a provider's refusal, or the page of a web application firewall. */
function moderationRefusal({ request, question }: Asked): StatusResponse {
  if (pick(['provider', 'firewall'], 'moderation', question.content) === 'firewall') {
    return htmlRefusal(403, 'Attention Required! | Cloudflare', 'Sorry, you have been blocked', {
      server: 'cloudflare',
      'cf-ray': '8f0000000000sim0-FRA',
    });
  }
  return jsonRefusal(403, {
    error: {
      code: 403,
      message: `${request.model} requires moderation on this provider. Your input was flagged for "violence".`,
      metadata: {
        reasons: ['violence'],
        flagged_input: question.prompt.slice(0, 100),
        provider_name: 'Simulated',
        model_slug: request.model,
      },
    },
  });
}

export const longErrors: Quirk = {
  name: 'long-errors',
  value: 'n|text',
  help: 'One item in n (3): 400, 2,000 four-byte characters.',
  start: (value, context) => {
    const isChosen = readItems(value, 3, context);
    return {
      refuse: (asked) => {
        if (!isChosen(asked)) return undefined;
        const character = pick(['😀', '𠮷', '𝔘', '🚧'], 'long-errors', asked.question.content);
        const error = { message: character.repeat(LONG_TEXT_CHARS), type: 'invalid_request_error', code: 'content' };
        return jsonRefusal(400, { error });
      },
    };
  },
};

const PASSING_REFUSALS = {
  json_validate_failed: jsonRefusal(400, {
    error: {
      message: "Failed to generate JSON. Please adjust your prompt. See 'failed_generation' for more details.",
      type: 'invalid_request_error',
      code: 'json_validate_failed',
      failed_generation: '{"answer": ',
    },
  }),
  409: jsonRefusal(409, {
    error: { message: 'Request conflicts with another one; try again.', type: 'conflict_error' },
  }),
  424: jsonRefusal(424, { error: 'Request failed during generation: Server error', error_type: 'generation' }),
  425: jsonRefusal(425, { error: { message: 'Too early', type: 'too_early', code: 425 } }),
  498: jsonRefusal(498, {
    error: { message: 'Flex tier capacity exceeded', type: 'capacity_exceeded', code: 'capacity_exceeded' },
  }),
  529: jsonRefusal(529, { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }),
  502: jsonRefusal(400, {
    error: {
      message: 'Provider returned error',
      code: 502,
      metadata: { provider_name: 'Simulated', raw: 'bad gateway' },
    },
  }),
} as const;
const PASSING_KINDS = ['json_validate_failed', '409', '424', '425', '498', '529', '502'] as const;

export const passingRefusals: Quirk = {
  name: 'passing-4xx',
  value: 'kind',
  help: 'The first request of each item: a 4xx that passes.',
  start: (value) => {
    const pinned = PASSING_KINDS.find((kind) => kind === value);
    if (value !== undefined && pinned === undefined) {
      throw new BadQuirk(`expected one of ${PASSING_KINDS.join(', ')}, not ${value}`);
    }
    const asked = new Set<string>();
    return {
      refuse: ({ question }) => {
        if (asked.has(question.content)) return undefined;
        asked.add(question.content);
        return PASSING_REFUSALS[pinned ?? pick(PASSING_KINDS, 'passing-4xx', question.content)];
      },
    };
  },
};
