/** What a number among the options may be; both ends are allowed. */
export interface Limit {
  readonly least: number;
  readonly most: number;
  readonly whole: boolean;
}

/** Maximum number of permits of a run. */
export const MAX_CONCURRENCY = 2000;

/** Maximum length of a model's name that a person gives, characters. */
export const MAX_MODEL_LENGTH = 1_000;

/** Items of a canary at most: each may be in a chunk of its own, which the parent starts. */
export const MAX_CANARY = 500;

const MANY = Number.MAX_SAFE_INTEGER;

/** Of the options that are numbers, what each may be: one table for what starts a run and for what changes it. */
export const LIMITS = {
  concurrency: { least: 1, most: MAX_CONCURRENCY, whole: true },
  retries: { least: 0, most: 100, whole: true },
  maxTokens: { least: 1, most: 10_000_000, whole: true },
  temperature: { least: 0, most: 2, whole: false },
  timeoutSecs: { least: 0.001, most: 86_400, whole: false },
  maxWaitSecs: { least: 0, most: 604_800, whole: false },
  rpm: { least: 1, most: MANY, whole: false },
  tpm: { least: 1, most: MANY, whole: false },
  maxTotalTokens: { least: 1, most: MANY, whole: true },
  maxCredits: { least: 0.000001, most: MANY, whole: false },
  maxCost: { least: 0.000001, most: 1_000_000, whole: false },
} as const satisfies Record<string, Limit>;

/** Why a value is not allowed, in words; undefined when it is. */
export function limitProblem(value: unknown, { least, most, whole }: Limit): string | undefined {
  const isNumber = typeof value === 'number' && Number.isFinite(value) && (!whole || Number.isInteger(value));
  if (isNumber && value >= least && value <= most) return undefined;
  const range = most === MANY ? `${least} or more` : `from ${least} to ${most}`;
  return `expected a ${whole ? 'whole ' : ''}number, ${range}`;
}
