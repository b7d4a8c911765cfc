import { FaultDice } from './faults.js';
import { Capacity, Credits, RateLimiter } from './limits.js';
import { ModelRegistry } from './models.js';
import type { ResolvedSimulatorOptions } from './options.js';
import { ActiveQuirks } from './quirks/active.js';
import { Recorder } from './record.js';
import { RuleBook } from './rules.js';

/** The state of a simulated network: what its options made of it and what has happened since. */
export class Network {
  readonly models: ModelRegistry;
  readonly rules: RuleBook;
  readonly faults: FaultDice;
  readonly quirks: ActiveQuirks;
  readonly capacity: Capacity;
  readonly credits: Credits;
  readonly recorder: Recorder;
  readonly rateLimiter: RateLimiter | undefined;
  readonly #keys: ReadonlySet<string>;
  #schemaAnswers = 0;

  constructor(readonly options: ResolvedSimulatorOptions) {
    this.models = new ModelRegistry(options.models);
    this.rules = new RuleBook(options.rules);
    this.faults = new FaultDice(options.faults, options.seed);
    this.quirks = new ActiveQuirks({ seed: options.seed, models: this.models }, options.quirks);
    this.capacity = new Capacity(options.maxInFlightPerNode);
    this.credits = new Credits(options.credits);
    this.recorder = new Recorder(options.record ? options.recordLimit : 0);
    this.rateLimiter = options.rateLimit === undefined ? undefined : new RateLimiter(options.rateLimit);
    this.#keys = new Set(options.keys);
  }

  /** Whether a request with this key is let in. */
  accepts(key: string | undefined): boolean {
    if (this.options.anonymous) return true;
    if (key === undefined) return false;
    return this.#keys.size === 0 || this.#keys.has(key);
  }

  /** Counts an answer that was asked for with a schema. True when it is the n-th, which does not satisfy it. */
  nextBreaksSchema(): boolean {
    this.#schemaAnswers += 1;
    const every = this.options.breakSchemaEvery;
    return every !== undefined && this.#schemaAnswers % every === 0;
  }

  /** Clears the record, and starts the counts anew that faults go by. Rules, quirks, models and credits stay. */
  reset(): void {
    this.recorder.reset();
    this.faults.reset();
    this.#schemaAnswers = 0;
  }
}
