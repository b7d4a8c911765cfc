import type { CompletionBody, CompletionChoice } from '../answers.js';
import type { Asked } from '../chat-request.js';
import { chance } from '../hash.js';
import type { Quirk, QuirkContext } from './quirk.js';
import { BadQuirk } from './quirk.js';
import { pick, readItems, readNumber, readPair } from './values.js';

/** Quirks that change an answer. */

/** Text that some readers of lines and of Unicode stumble over: three line separators and half of a surrogate pair. */
const ODD_CHARACTERS = 'a\u2028b\u2029c\u0085d\ud83de';

function contentOf(body: CompletionBody): string {
  return body.choices[0].message.content;
}

/** Returns the answer with another content and, if given, another reason for its end. */
function withContent(
  body: CompletionBody,
  content: string,
  finish: CompletionChoice['finish_reason'] = body.choices[0].finish_reason,
): CompletionBody {
  const [choice] = body.choices;
  return { ...body, choices: [{ ...choice, message: { ...choice.message, content }, finish_reason: finish }] };
}

function isJson(text: string): boolean {
  return text.startsWith('{') || text.startsWith('[');
}

export const cut: Quirk = {
  name: 'cut',
  value: 'n[,half|reasoning]',
  help: 'Below n (4096) max_tokens answers are cut at length.',
  start: (value) => {
    const [tokens, mode] = readPair(value);
    const needed = readNumber(tokens, 4096);
    if (mode !== undefined && mode !== 'half' && mode !== 'reasoning')
      throw new BadQuirk(`expected half or reasoning, not ${mode}`);
    return {
      answer: (body, { request, question }) => {
        if (request.max_tokens >= needed) return body;
        const usage = { ...body.usage, completion_tokens: request.max_tokens };
        const form = mode ?? pick(['half', 'reasoning'], 'cut', question.content);
        return { ...(form === 'half' ? half(body, 'length') : onlyReasoning(body)), usage };
      },
    };
  },
};

/** Returns the first half of an answer. */
function half(body: CompletionBody, finish: CompletionChoice['finish_reason']): CompletionBody {
  const content = contentOf(body);
  return withContent(body, content.slice(0, Math.ceil(content.length / 2)), finish);
}

/** Returns an answer all of whose tokens went into reasoning. */
function onlyReasoning(body: CompletionBody): CompletionBody {
  const [choice] = body.choices;
  const message = { ...choice.message, content: '', reasoning_content: `First I consider: ${contentOf(body)}` };
  return { ...body, choices: [{ ...choice, message, finish_reason: 'length' }] };
}

export const thinking: Quirk = {
  name: 'thinking',
  value: 'think|fence|both',
  help: 'Thoughts, a sentence or a fence around the JSON.',
  start: (value) => {
    const forms = ['think', 'fence', 'both'] as const;
    const pinned = forms.find((form) => form === value);
    if (value !== undefined && pinned === undefined)
      throw new BadQuirk(`expected one of ${forms.join(', ')}, not ${value}`);
    return {
      answer: (body, { question }) => {
        const content = contentOf(body);
        const form = pinned ?? pick(forms, 'thinking', question.content);
        // What is thought of has braces too: it is not the answer.
        const thoughts = '<think>\nThe user wants an answer. Maybe {"draft": true}? No.\n</think>\n\n';
        const fenced = isJson(content) ? `Here is the answer:\n\n\`\`\`json\n${content}\n\`\`\`` : content;
        return withContent(body, (form === 'fence' ? '' : thoughts) + (form === 'think' ? content : fenced));
      },
    };
  },
};

export const bigNumbers: Quirk = {
  name: 'big-numbers',
  help: 'Integers of JSON answers are over 2^53.',
  start: () => ({
    answer: (body, { question }) => {
      const content = contentOf(body);
      if (!isJson(content)) return body;
      // Odd and over 2^53: no double has this value.
      const offset = BigInt(Math.floor(chance('big-numbers', question.content)[0] * 1e6));
      const big = String(9_007_199_254_740_993n + 2n * offset);
      // Strings are matched too, so that their digits are left alone.
      const tokens = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?/g;
      return withContent(
        body,
        content.replaceAll(tokens, (token) => (/^-?\d+$/.test(token) ? big : token)),
      );
    },
  }),
};

export const oddCharacters: Quirk = {
  name: 'odd-characters',
  help: 'Answers hold U+2028, U+2029, U+0085 and \\ud83d alone.',
  start: () => ({
    answer: (body) => {
      const content = contentOf(body);
      if (!isJson(content)) return withContent(body, `${content}${ODD_CHARACTERS}`);
      // Only into free text: a value of an enum would no longer be one.
      return withContent(body, content.replace('"simulated ', `"simulated ${ODD_CHARACTERS}`));
    },
  }),
};

/** Returns a quirk that changes the answers to some items. */
function someAnswers(
  described: Pick<Quirk, 'name' | 'help'>,
  otherwise: number,
  change: (body: CompletionBody) => CompletionBody,
): Quirk {
  return {
    ...described,
    value: 'n|text',
    start: (value: string | undefined, context: QuirkContext) => {
      const isChosen = readItems(value, otherwise, context);
      return { answer: (body: CompletionBody, asked: Asked) => (isChosen(asked) ? change(body) : body) };
    },
  };
}

export const filtered: Quirk = someAnswers(
  { name: 'filtered', help: 'One answer in n (5) is cut by a content filter.' },
  5,
  (body) => half(body, 'content_filter'),
);

export const emptyAnswer: Quirk = someAnswers(
  { name: 'empty-answer', help: 'One answer in n (5) is rightly empty: stop.' },
  5,
  (body) => ({ ...withContent(body, '', 'stop'), usage: { ...body.usage, completion_tokens: 1 } }),
);

export const noUsage: Quirk = {
  name: 'no-usage',
  help: 'Answers do not count tokens.',
  start: () => ({ answer: ({ usage, ...body }) => body }),
};

const USAGES = [
  { prompt_tokens: 1e308, completion_tokens: 1e308, total_tokens: 1e308 },
  { prompt_tokens: -5, completion_tokens: -7, total_tokens: -12 },
  { prompt_tokens: '12', completion_tokens: '7', total_tokens: '19' },
  { prompt_tokens: 12.5, completion_tokens: 0.25, total_tokens: 12.75 },
] as const;

export const hugeUsage: Quirk = {
  name: 'huge-usage',
  help: 'Token counts are 1e308, negative, text or fractions.',
  start: () => ({
    answer: (body, { question }) => ({ ...body, usage: pick(USAGES, 'huge-usage', question.content) }),
  }),
};
