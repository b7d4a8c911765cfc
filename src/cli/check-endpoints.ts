import type { Modality } from '../batch/modality.js';
import type { Model } from '../batch/models.js';
import type { Endpoint } from '../dria/endpoint.js';
import { describeError, isDriaError } from '../dria/errors.js';
import { openEndpoints, type WorkerEndpoint } from '../endpoints.js';
import { EXIT, type Io } from './io.js';
import { type EndpointFlags, runEndpointsFromFlags } from './run-endpoints.js';
import { formatCount, formatSeconds } from './terminal/format.js';
import { clean, clip } from './terminal/text.js';

/** Time for a models list, and for an answer of one token (ms). */
const WAIT_MS = 30_000;

/** The smallest schema that says whether an endpoint takes one. */
const SCHEMA = {
  name: 'answer',
  schema: {
    type: 'object',
    properties: { ok: { type: 'boolean' } },
    required: ['ok'],
    additionalProperties: false,
  },
};

/** What asking an endpoint has shown. */
interface EndpointCheck {
  readonly name: string;
  /** Models that it lists; null if it gives no list. */
  readonly models: number | null;
  /** What its models take beside text, by the list and their names. */
  readonly modalities: readonly Modality[];
  /** The model that was asked; null if none is known. */
  readonly asked: string | null;
  /** Time of the answer of one token (ms); null without an answer. */
  readonly answerMs: number | null;
  /** What requests have to be like, a sentence each; empty if all was taken as it is. */
  readonly profile: readonly string[];
  /** What went wrong, a sentence each. */
  readonly problems: readonly string[];
}

/** Asks each endpoint for its list and one answer of one token, and prints what that shows. Returns the exit code. */
export async function checkEndpoints(flags: EndpointFlags, json: boolean, io: Io): Promise<number> {
  const { endpoint: baseUrl, file } = await runEndpointsFromFlags(flags, io, true);
  const { DRIA_API_KEY: apiKey } = io.env;
  const worker = file?.worker ?? [{ name: 'endpoint', baseUrl, ...(apiKey ? { apiKey } : {}) }];
  const checks = await Promise.all(worker.map((named) => checkOne(named, io.interrupt)));
  for (const check of checks)
    io.stdout.write(json ? `${JSON.stringify(check)}\n` : `${checkLines(check).join('\n')}\n`);
  return checks.every(({ answerMs }) => answerMs !== null) ? EXIT.OK : EXIT.FAILED;
}

async function checkOne(named: WorkerEndpoint, interrupt: AbortSignal): Promise<EndpointCheck> {
  const opened = openEndpoints([named], 1);
  try {
    const [endpoint] = [...opened.values()].map((each) => each.endpoint);
    if (endpoint === undefined) throw new Error('the endpoint is not open');
    return await ask(named, endpoint, interrupt);
  } finally {
    for (const { endpoint } of opened.values()) await endpoint.close();
  }
}

async function ask(
  { name, models, ...form }: WorkerEndpoint,
  endpoint: Endpoint,
  interrupt: AbortSignal,
): Promise<EndpointCheck> {
  const signal = AbortSignal.any([interrupt, AbortSignal.timeout(2 * WAIT_MS)]);
  const problems: string[] = [];
  let list: readonly Model[] | undefined;
  try {
    list = await endpoint.models(signal);
  } catch (error) {
    if (!isDriaError(error)) throw error;
    problems.push(`no list: ${describeError(error)}`);
  }
  const [first] = [...(list ?? [])].sort((a, b) => b.nodes - a.nodes);
  const asked = models?.[0] ?? first?.id ?? null;
  const answerMs = asked === null ? null : await answerTime(endpoint, asked, form, signal, problems);
  const known = (list ?? []).filter(({ id }) => models?.includes(id) ?? true);
  return {
    name,
    models: list?.length ?? null,
    modalities: [...new Set(known.map(({ modality }) => modality))].filter((modality) => modality !== 'text'),
    asked,
    answerMs,
    profile: endpoint.lessons().map(({ text }) => text),
    problems,
  };
}

/** Asks for one token. One that is cut off is an answer: nothing more was asked for. */
async function answerTime(
  endpoint: Endpoint,
  model: string,
  { body, omit, rename }: Pick<WorkerEndpoint, 'body' | 'omit' | 'rename'>,
  signal: AbortSignal,
  problems: string[],
): Promise<number | null> {
  const from = performance.now();
  const request = { prompt: 'Say ok.', maxTokens: 1, temperature: 0, timeoutMs: WAIT_MS, acceptEmpty: true };
  try {
    await endpoint.chat({ model, ...request, schema: SCHEMA, form: { body, omit, rename } }, { signal });
  } catch (error) {
    if (!isDriaError(error)) throw error;
    if (error.code !== 'InvalidOutput') {
      problems.push(`no answer: ${describeError(error)}`);
      return null;
    }
  }
  return Math.round(performance.now() - from);
}

function checkLines({ name, models, modalities, asked, answerMs, profile, problems }: EndpointCheck): string[] {
  const lists = models === null ? 'no list' : `lists ${formatCount(models)} ${models === 1 ? 'model' : 'models'}`;
  const answer = answerMs === null ? 'no answer' : `${clean(asked ?? '')} answered in ${formatSeconds(answerMs)}`;
  const taken =
    profile.length > 0 || answerMs === null ? profile : ['takes max_tokens, temperature and a strict schema'];
  const media =
    modalities.length === 0 ? 'pictures and sounds: nothing says so' : `by its list: ${modalities.join(', ')}`;
  const unknown =
    'not shown by one token: rate limits, speed under load, whether pictures and sounds are answered well';
  return [`${name}: ${lists}, ${answer}`, ...problems, ...taken, media, unknown].map((line, at) =>
    clip(at === 0 ? line : `  ${clean(line)}`, 200),
  );
}
