import { z } from 'zod';
import { admit } from './admission.js';
import { completionBody, promptTokens } from './answers.js';
import { checkBody } from './body.js';
import { type Asked, chatRequestSchema, readQuestion } from './chat-request.js';
import type { Exchange } from './exchange.js';
import { head, shortHash } from './hash.js';
import { latencyMs } from './latency.js';
import type { Network } from './network.js';
import { isScriptedAnswer, refusal } from './responses.js';
import { vectorOf, written } from './vectors.js';

/** Inputs that OpenAI takes in a request. */
const MOST_INPUTS = 2048;

const tokens = z.array(z.number().int()).min(1);
const text = z.string().min(1);

/** The body of `POST /v1/embeddings`. Unknown fields are let pass. */
const embeddingsSchema = z.object({
  model: z.string().min(1),
  input: z.union([text, tokens, z.array(text).min(1), z.array(tokens).min(1)]),
  dimensions: z.number().int().positive().max(4096).optional(),
  encoding_format: z.enum(['float', 'base64']).default('float'),
});
type EmbeddingsRequest = z.output<typeof embeddingsSchema>;

/** What every request brings. */
export type Sent = Pick<Asked, 'sent' | 'headers' | 'key'>;

/** Answers `POST /v1/embeddings`. Throws `BadBody`. */
export async function embed(network: Network, sent: Sent, exchange: Exchange): Promise<void> {
  const request = checkBody(sent.sent, embeddingsSchema);
  const { model } = request;
  const inputs = inputsOf(request);
  const { record } = exchange;
  record.model = model;
  record.inputs = inputs.length;
  record.prompt = head(inputs[0] ?? '', 80);
  record.promptHash = shortHash(inputs.join('\n'));
  record.fields = Object.keys(sent.sent);
  const empty = (): object => ({ object: 'list', data: [], model });
  const most = network.options.maxInputs ?? MOST_INPUTS;
  if (inputs.length > most) {
    return exchange.fault(refusal(413, `batch size ${inputs.length} > maximum allowed batch size ${most}`), empty);
  }
  const scripted = network.rules.respond(model, inputs.join('\n'));
  if (scripted !== undefined && !isScriptedAnswer(scripted)) return exchange.fault(scripted, empty);
  const all = await Promise.all(inputs.map((input) => askedOf(sent, model, input)));
  for (const asked of all) {
    const refused = await network.quirks.refuse(asked, record, (listener) => exchange.onEnd(listener));
    if (refused !== undefined) return exchange.fault(refused, empty);
  }
  const longest = all.reduce((a, b) => (b.question.chars > a.question.chars ? b : a));
  const admitted = admit(network, longest, exchange);
  if ('status' in admitted) return exchange.fault(admitted, empty);
  const content = all.map(({ question }) => question.content).join(' ');
  const fault = network.faults.roll(model, content);
  if (fault !== undefined) return exchange.fault(fault, empty);
  const { seed, latency, slow } = network.options;
  const wait = latencyMs(admitted.latency ?? latency, slow, { seed, model, content });
  if (!(await exchange.wait(wait + (scripted?.delayMs ?? 0)))) return;
  const used = all.reduce((sum, { question }) => sum + promptTokens(question), 0);
  exchange.answer(answerOf(network, request, inputs, { asked: longest, used, exchange }));
}

function inputsOf({ input }: EmbeddingsRequest): string[] {
  if (typeof input === 'string') return [input];
  const list: readonly (string | number | number[])[] = input;
  const isTokens = list.every((entry) => typeof entry === 'number');
  return isTokens ? [list.join(' ')] : list.map((entry) => (Array.isArray(entry) ? entry.join(' ') : String(entry)));
}

async function askedOf(sent: Sent, model: string, input: string): Promise<Asked> {
  const request = chatRequestSchema.parse({ model, messages: [{ role: 'user', content: input }], max_tokens: 1 });
  return { ...sent, request, question: await readQuestion(request) };
}

/** What an answer is made of beside the request. */
interface Answered {
  readonly asked: Asked;
  readonly used: number;
  readonly exchange: Exchange;
}

/** Of what quirks do to answers, the usage counts: there is no text. */
function answerOf(
  network: Network,
  { model, dimensions, encoding_format: format }: EmbeddingsRequest,
  inputs: readonly string[],
  { asked, used, exchange: { record } }: Answered,
): object {
  const usage = { prompt_tokens: used, total_tokens: used };
  const plain = completionBody(asked.request, asked.question, {
    id: `emb-sim-${record.n}`,
    nodeId: `sim-${model}-0`,
    text: '',
  });
  const { usage: told, metadata } = network.quirks.answer({ ...plain, usage }, asked, record);
  const data = inputs.map((input, index) => {
    return { object: 'embedding', index, embedding: written(vectorOf(model, input, dimensions), format) };
  });
  return { object: 'list', data, model, ...(told === undefined ? {} : { usage: told }), metadata };
}
