import { z } from 'zod';
import { chance } from './hash.js';
import type { FaultResponse } from './responses.js';
import { faultResponseSchema } from './responses.js';

/** A fault by rate: this share of the requests (of one model, if given) gets `respond` instead of an answer. */
export const faultSchema = z.strictObject({
  rate: z.number().min(0).max(1),
  model: z.string().optional(),
  respond: faultResponseSchema,
});
export type Fault = z.output<typeof faultSchema>;

/**
 * Throws the dice for each request. They depend on the seed, the content and how often that content was asked before,
 * never on the order of arrival: the same prompts meet the same faults however many run at once, and a retry has its
 * own luck.
 */
export class FaultDice {
  readonly #asked = new Map<string, number>();

  constructor(
    private readonly faults: readonly Fault[],
    private readonly seed: string | number,
  ) {}

  /** The fault of this request, if it has one. */
  roll(model: string, content: string): FaultResponse | undefined {
    if (this.faults.length === 0) return undefined;
    const attempt = (this.#asked.get(content) ?? 0) + 1;
    this.#asked.set(content, attempt);
    let left = chance('fault', this.seed, content, attempt)[0];
    for (const fault of this.faults) {
      if (fault.model !== undefined && fault.model !== model) continue;
      if (left < fault.rate) return fault.respond;
      left -= fault.rate;
    }
    return undefined;
  }

  /** Forgets how often anything was asked. */
  reset(): void {
    this.#asked.clear();
  }
}
