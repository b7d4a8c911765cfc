import { z } from 'zod';

const delayMs = z.number().nonnegative().optional();

/** An HTTP error with a text body, as Dria gives them. */
const statusResponseSchema = z.strictObject({
  status: z.number().int().min(400).max(599),
  /** Text of the body; by default what Dria says with that status. */
  message: z.string().optional(),
  /** Sent as `Retry-After`, in the form that `retryAfterForm` says. */
  retryAfterSecs: z.number().int().nonnegative().optional(),
  retryAfterForm: z.enum(['seconds', 'date']).default('seconds'),
  /** More headers, for instance a Retry-After that is nonsense, or the type of a body that is not plain text. */
  headers: z.record(z.string(), z.string()).optional(),
  /** Ms before the answer; at once by default. */
  delayMs,
});

/**
 * Broken answers: `reset` cuts the connection, `hang` never answers, `truncated` cuts it in the middle of the body,
 * the others are a 200 with an HTML page, `{}`, an error object, or an answer with no text.
 */
export const FAULT_KINDS = [
  'reset',
  'hang',
  'truncated',
  'html',
  'empty-object',
  'error-object',
  'empty-content',
] as const;

const kindResponseSchema = z.strictObject({ kind: z.enum(FAULT_KINDS), delayMs });

/** An ordinary answer, with its text given or its latency prolonged by `delayMs`. */
const answerResponseSchema = z.strictObject({ kind: z.literal('answer'), content: z.string().optional(), delayMs });

/** What a fault may respond with. */
export const faultResponseSchema = z.union([statusResponseSchema, kindResponseSchema], {
  error: `expected {status: 400 to 599, …} or {kind: ${FAULT_KINDS.join(' | ')}}`,
});
export type FaultResponse = z.output<typeof faultResponseSchema>;
export type StatusResponse = z.output<typeof statusResponseSchema>;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** What a rule may respond with: a fault, or an answer. */
export const ruleResponseSchema = z.union([statusResponseSchema, kindResponseSchema, answerResponseSchema], {
  error: `expected {status: 400 to 599, …} or {kind: answer | ${FAULT_KINDS.join(' | ')}, …}`,
});
export type RuleResponse = z.output<typeof ruleResponseSchema>;

/** Whether a rule asks for an answer and not for a fault. */
export function isScriptedAnswer(response: RuleResponse): response is z.output<typeof answerResponseSchema> {
  return 'kind' in response && response.kind === 'answer';
}

const MESSAGES: Readonly<Record<number, string>> = {
  400: 'bad request',
  401: 'invalid API key',
  402: 'payment required: out of credits',
  404: 'not found',
  413: 'request body too large',
  429: 'rate limited',
  500: 'internal server error',
  502: 'bad gateway',
  503: 'no nodes available for the requested model',
  504: 'node timed out',
};

/** The text that goes with a status when none is given. */
export function defaultMessage(status: number): string {
  return MESSAGES[status] ?? `error ${status}`;
}

/** A refusal with a text, in the form in which faults are given too. */
export function refusal(status: number, message = defaultMessage(status), retryAfterSecs?: number): StatusResponse {
  return {
    status,
    message,
    retryAfterForm: 'seconds',
    ...(retryAfterSecs === undefined ? {} : { retryAfterSecs }),
  };
}

/** Returns a refusal with a JSON body, as most providers send it. */
export function jsonRefusal(
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): StatusResponse {
  const message = JSON.stringify(body);
  return { ...refusal(status, message), headers: { 'content-type': 'application/json', ...headers } };
}

/** Returns a refusal with a page, as a gateway or a web server in front of the API sends it. */
export function htmlRefusal(
  status: number,
  title: string,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): StatusResponse {
  const page = `<!DOCTYPE html>\n<html>\n<head><title>${title}</title></head>\n<body>\n<h1>${text}</h1>\n</body>\n</html>\n`;
  return { ...refusal(status, page), headers: { 'content-type': 'text/html; charset=UTF-8', ...headers } };
}
