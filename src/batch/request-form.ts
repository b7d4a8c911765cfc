import { z } from 'zod';

/** The fields of a request that options fill, and that an endpoint may refuse. */
export const OPTIONAL_FIELDS = [
  'timeout_secs',
  'max_tokens',
  'max_completion_tokens',
  'max_output_tokens',
  'temperature',
  'response_format',
] as const;
/** Name of a field that options fill. */
export type OptionField = (typeof OPTIONAL_FIELDS)[number];

/** Further fields of a request, as the endpoint's documentation has them. */
export type RequestBody = { readonly [field: string]: unknown };

/** What a run's requests have otherwise than usual. */
export interface RequestForm {
  /** Fields sent in each request as they are; one that options fill as well is sent as it is here. */
  readonly body?: RequestBody | undefined;
  /** Fields that are not sent. */
  readonly omit?: readonly OptionField[] | undefined;
  /** Fields sent under another name, by their usual one. */
  readonly rename?: Readonly<Partial<Record<OptionField, string>>> | undefined;
}

/** Fields that are filled otherwise, and how. */
const FILLED: Readonly<Record<string, string>> = {
  model: 'is chosen by the model option, by the item, or by nodes',
  messages: 'are made of each item',
  prompt: 'is made of each item',
  input: 'is made of each item',
};

/** Fields that ask for an answer in pieces, or later. */
const NOT_WHOLE = ['stream', 'background'] as const;

/** Returns why an answer to a request with a body's fields could not be taken; undefined if it can. */
export function deliveryProblem(body: RequestBody): string | undefined {
  const field = NOT_WHOLE.find((name) => body[name] !== undefined && body[name] !== null && body[name] !== false);
  return field === undefined ? undefined : `${field}: answers are taken whole, so it cannot be asked for`;
}

/** Returns why a request cannot have a body's fields; undefined if it can. */
export function bodyProblem(body: RequestBody): string | undefined {
  const problem = deliveryProblem(body);
  if (problem !== undefined) return problem;
  const field = Object.keys(body).find((name) => Object.hasOwn(FILLED, name));
  return field === undefined ? undefined : `${field} ${FILLED[field]}`;
}

export const requestFormSchema = z.strictObject({
  body: z
    .record(z.string(), z.unknown())
    .superRefine((body, context) => {
      const message = bodyProblem(body);
      if (message !== undefined) context.addIssue({ code: 'custom', message });
    })
    .optional(),
  omit: z.array(z.enum(OPTIONAL_FIELDS)).readonly().optional(),
  rename: z
    .partialRecord(z.enum(OPTIONAL_FIELDS), z.string().regex(/^[A-Za-z_][\w.-]{0,99}$/, 'is no name of a field'))
    .optional(),
});
