import { z } from 'zod';
import type { RuleResponse } from './responses.js';
import { ruleResponseSchema } from './responses.js';

const ordinal = z.number().int().positive();
const milliseconds = z.number().nonnegative();

/** A scripted response. Everything under `match` must hold; without conditions it matches every request. */
export const ruleSchema = z.strictObject({
  match: z
    .strictObject({
      model: z.string().optional(),
      promptIncludes: z.string().optional(),
      /**
       * First and last request to match, counted from 1 when the rule was set, among those that `model` and
       * `promptIncludes` choose.
       */
      fromRequest: ordinal.optional(),
      toRequest: ordinal.optional(),
      /** Ms since the rule was set: from `afterMs` on, and before `untilMs`. */
      afterMs: milliseconds.optional(),
      untilMs: milliseconds.optional(),
      /** How often the rule may respond. */
      times: ordinal.optional(),
    })
    .default({}),
  respond: ruleResponseSchema,
});
export type Rule = z.output<typeof ruleSchema>;

interface ActiveRule {
  readonly rule: Rule;
  readonly setAt: number;
  seen: number;
  fired: number;
}

/** The script: rules in the order in which they were set. The first that matches responds. */
export class RuleBook {
  #rules: ActiveRule[] = [];

  constructor(rules: readonly Rule[] = []) {
    this.add(rules);
  }

  /** Sets more rules, after those there are. */
  add(rules: readonly Rule[]): void {
    const setAt = performance.now();
    this.#rules.push(...rules.map((rule) => ({ rule, setAt, seen: 0, fired: 0 })));
  }

  clear(): void {
    this.#rules = [];
  }

  /** The response for a request, if a rule has one. Every rule counts the request, also when an earlier one responds. */
  respond(model: string, prompt: string): RuleResponse | undefined {
    const now = performance.now();
    let found: ActiveRule | undefined;
    for (const active of this.#rules) {
      if (!isChosen(active.rule, model, prompt)) continue;
      active.seen += 1;
      if (found === undefined && isDue(active, now)) found = active;
    }
    if (found === undefined) return undefined;
    found.fired += 1;
    return found.rule.respond;
  }
}

function isChosen({ match }: Rule, model: string, prompt: string): boolean {
  if (match.model !== undefined && match.model !== model) return false;
  return match.promptIncludes === undefined || prompt.includes(match.promptIncludes);
}

function isDue({ rule, setAt, seen, fired }: ActiveRule, now: number): boolean {
  const { fromRequest = 1, toRequest = Infinity, afterMs = 0, untilMs = Infinity, times = Infinity } = rule.match;
  const age = now - setAt;
  return seen >= fromRequest && seen <= toRequest && age >= afterMs && age < untilMs && fired < times;
}
