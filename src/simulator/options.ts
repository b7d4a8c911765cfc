import { z } from 'zod';
import { faultSchema } from './faults.js';
import { latencySchema, slowSchema } from './latency.js';
import { DEFAULT_MODELS, simulatedModelSchema } from './models.js';
import { quirkProblem } from './quirks/active.js';
import { ruleSchema } from './rules.js';

const count = z.number().int().nonnegative();
const positive = z.number().int().positive();

/** A quirk as `name[@model][=value]`. */
export const quirkSchema = z.string().superRefine((text, { addIssue }) => {
  const problem = quirkProblem(text);
  if (problem !== undefined) addIssue(problem);
});

/** Everything a simulated network can be told. Also the form of the file behind `--script`. */
export const simulatorOptionsSchema = z.strictObject({
  /** Address to listen on; loopback by default. */
  host: z.string().default('127.0.0.1'),
  /** 0 takes a free port. */
  port: count.max(65_535).default(0),
  /** Latencies, faults and answers follow from it and from what is asked. */
  seed: z.union([z.string(), z.number()]).default(1),

  /** Keys that are accepted. Empty: any key that is not empty. */
  keys: z.array(z.string().min(1)).default([]),
  /** Asks for no key at all. */
  anonymous: z.boolean().default(false),

  models: z.array(simulatedModelSchema).default([...DEFAULT_MODELS]),
  /** Field of the models list that holds the nodes; `metadata.nodes` puts it one level down. */
  nodesField: z.string().min(1).default('nodes'),
  /** Field of the models list that holds the modality; left out by default, as in Dria's documentation. */
  modalityField: z.string().min(1).optional(),
  /** Tokens of prompt and answer together. */
  context: positive.default(32_768),

  latency: latencySchema.default({ kind: 'fixed', ms: 0 }),
  slow: slowSchema.optional(),

  /** Length of answers in tokens; by default as short as they come. */
  answerTokens: positive.max(5_000_000).optional(),
  /** Inputs that a request for embeddings may have, over it a 413; by default 2048. */
  maxInputs: positive.optional(),
  /** Every n-th answer that was asked for with a schema does not satisfy it. */
  breakSchemaEvery: positive.optional(),

  faults: z.array(faultSchema).default([]),
  rules: z.array(ruleSchema).default([]),
  /** Ways in which the endpoint misbehaves. */
  quirks: z.array(quirkSchema).default([]),

  /** Requests that one node takes at once; over it a 503. */
  maxInFlightPerNode: positive.optional(),
  /** Requests that a key may make, over it a 429 with Retry-After. `burst` by default one second's worth. */
  rateLimit: z.strictObject({ perSecond: z.number().positive(), burst: positive.optional() }).optional(),
  /** Answers until a 402; no end by default. */
  credits: count.optional(),

  /** Keeps a record of each request. The counts are kept in any case. */
  record: z.boolean().default(true),
  /** Requests recorded; those that come after are only counted. */
  recordLimit: positive.default(1_000_000),
  maxBodyBytes: positive.default(64 * 1024 * 1024),
});

/** Options as they are given: everything may be left out. */
export type SimulatorOptions = z.input<typeof simulatorOptionsSchema>;
/** Options with the defaults filled in. */
export type ResolvedSimulatorOptions = z.output<typeof simulatorOptionsSchema>;
