import type { ChatRequest } from '../chat-request.js';
import { textOf } from '../text-of.js';
import type { Quirk } from './quirk.js';
import { readItems } from './values.js';

/** What an answer begins with that is not JSON. */
const CHATTER = 'Here you are: ';

export const needsCorrection: Quirk = {
  name: 'needs-correction',
  value: 'n|text',
  help: 'One JSON answer in n (1) is none until it is told so.',
  start: (value, context) => {
    const isChosen = readItems(value, 1, context);
    return {
      answer: (body, asked) => {
        const [choice] = body.choices;
        const { content } = choice.message;
        if (!/^[{[]/.test(content) || !isChosen(asked) || isCorrection(asked.request)) return body;
        const broken = `${CHATTER}${content.slice(0, -1)}`;
        return { ...body, choices: [{ ...choice, message: { ...choice.message, content: broken } }] };
      },
    };
  },
};

/** Returns true if a request holds an answer of this quirk, and says what is wrong with it. */
function isCorrection({ messages }: ChatRequest): boolean {
  const [answer, complaint] = messages.slice(-2);
  if (answer?.role !== 'assistant' || complaint?.role !== 'user') return false;
  return textOf(answer.content).startsWith(CHATTER) && /not JSON/i.test(textOf(complaint.content));
}
