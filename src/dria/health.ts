import type { Modality } from '../batch/modality.js';
import { Breaker, type Pass as BreakerPass, type Cooling } from './breaker.js';
import type { Clock } from './clock.js';
import { changedError, DriaError, isDriaError } from './errors.js';
import { isReset } from './network-error.js';

const NO_NODES: Cooling = { firstMs: 15_000, longestMs: 240_000 };
const FAILING: Cooling = { firstMs: 30_000, longestMs: 600_000 };
const AWAY: Cooling = { firstMs: 1_000, longestMs: 30_000 };

/** How long a model that is not there is not asked again (ms): somebody may deploy it at any moment. */
const UNAVAILABLE_MS = 10_000;

/** Failed attempts in a row, without a success, after which a target is out. */
export const FAILURES_IN_A_ROW = 5;

/** Number of different prompts whose connections were reset in a row, without an answer, after which the endpoint is out. */
export const RESETS_IN_A_ROW = 3;

/** What a request to a target brings. */
export interface Inquiry {
  readonly target: string;
  readonly modality: Modality;
  /** What is asked: the same in each attempt of an item. */
  readonly prompt: string;
  /** Another target can take the item: then nobody waits here. */
  readonly hasOther: boolean;
  /** An answer that does not satisfy the schema is repaired: only a repair that fails counts against the target. */
  readonly willRepair?: boolean;
}

/** A request that was let through. Its result goes to {@link Health.result}, once. */
export interface Admission extends Inquiry {
  readonly endpointPass: BreakerPass;
  readonly targetPass: BreakerPass;
}

/** What is known of one target. */
interface TargetHealth {
  readonly breaker: Breaker;
  failuresInARow: number;
  /** Set if the model is not there, or answers no chats. */
  unavailable: { readonly error: DriaError; readonly until: number } | undefined;
  readonly refused: Map<Modality, DriaError>;
  readonly answered: Set<Modality>;
}

/** The health of an endpoint and of its targets: who may be asked, and who is cooling down. */
export class Health {
  readonly #clock: Clock;
  readonly #endpoint: Breaker;
  readonly #targets = new Map<string, TargetHealth>();
  #listed: ReadonlySet<string> | undefined;
  /** Prompts whose connections were reset since the last answer. */
  readonly #resets = new Set<string>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#endpoint = new Breaker(clock);
  }

  /** True once the target has answered an item of the modality. */
  hasAnswered(target: string, modality: Modality): boolean {
    return this.#targets.get(target)?.answered.has(modality) ?? false;
  }

  /**
   * Lets a request through, at once (no promise) if nothing stands against it. Throws the standing error, `unsent` and
   * with the time that is left, while the target or the endpoint is out. While a single request probes it, others wait.
   */
  admit(inquiry: Inquiry, signal?: AbortSignal): Admission | Promise<Admission> {
    const health = this.#of(inquiry.target);
    const standing = this.#unavailable(health) ?? health.refused.get(inquiry.modality);
    if (standing !== undefined) throw changedError(standing, { unsent: true });
    const endpointPass = this.#endpoint.enter();
    if (endpointPass === undefined) return this.#afterProbe(this.#endpoint, inquiry, signal);
    const targetPass = this.#enterTarget(health.breaker, endpointPass, inquiry);
    if (targetPass === undefined) return this.#afterProbe(health.breaker, inquiry, signal);
    return { ...inquiry, endpointPass, targetPass };
  }

  /** The request goes out on a connection: the endpoint is within reach, and others need not wait for its answer. */
  sent({ endpointPass }: Admission): void {
    this.#endpoint.letOthers(endpointPass);
  }

  /** Some answer came, to whatever request: the endpoint is there. */
  answered(): void {
    this.#resets.clear();
    this.#endpoint.close();
  }

  /**
   * Takes what a request came to; no error means a good answer. Returns the error to throw, with the time for which the
   * target or the endpoint is out now: a failure that shows the target to be out becomes `TargetUnavailable`.
   */
  result(admission: Admission, error?: unknown): unknown {
    if (error !== undefined && (!isDriaError(error) || error.unsent === true)) {
      this.#release(admission);
      return error;
    }
    const judged = this.#isSingleReset(admission, error)
      ? changedError(error, { code: 'NetworkError', fault: 'attempt' })
      : error;
    const away = this.#judgeEndpoint(admission, judged);
    return away ?? this.#judgeTarget(admission, judged) ?? judged;
  }

  /**
   * Takes a new list of models. A target that was not in the last list and is in this one may be asked again, whatever it
   * has refused.
   */
  relist(ids: Iterable<string>): void {
    const listed = new Set(ids);
    for (const id of listed) if (this.#listed?.has(id) === false) this.#targets.delete(id);
    this.#listed = listed;
  }

  /** Forgets everything of a target. */
  reset(target: string): void {
    this.#targets.delete(target);
  }

  #enterTarget(breaker: Breaker, endpointPass: BreakerPass, { hasOther }: Inquiry): BreakerPass | undefined {
    try {
      const pass = breaker.enter();
      if (pass !== undefined) return pass;
      if (hasOther) throw breaker.standing();
    } catch (error) {
      this.#endpoint.release(endpointPass);
      throw error;
    }
    this.#endpoint.release(endpointPass);
    return undefined;
  }

  async #afterProbe(breaker: Breaker, inquiry: Inquiry, signal: AbortSignal | undefined): Promise<Admission> {
    await breaker.probeEnds(signal);
    return this.admit(inquiry, signal);
  }

  /**
   * True for a reset that is of its attempt, or of its target: something on the way may refuse a prompt so. Those of several
   * prompts in a row, or any other failure to connect, mean that nobody is there.
   */
  #isSingleReset({ prompt }: Admission, error: DriaError | undefined): error is DriaError {
    if (error?.code !== 'EndpointUnavailable' || !isReset(error) || !this.#endpoint.isClosed) return false;
    return this.#resets.add(prompt).size < RESETS_IN_A_ROW;
  }

  #judgeEndpoint({ endpointPass, target, targetPass }: Admission, error: DriaError | undefined): DriaError | undefined {
    if (error?.code === 'EndpointUnavailable') {
      this.#of(target).breaker.release(targetPass);
      return changedError(error, { retryAfterMs: this.#endpoint.trip(endpointPass, error, AWAY) });
    }
    if (error === undefined || error.status !== undefined || error.code === 'InvalidOutput') this.answered();
    else this.#endpoint.release(endpointPass);
    return undefined;
  }

  #judgeTarget(admission: Admission, error: DriaError | undefined): DriaError | undefined {
    const { target, modality, targetPass } = admission;
    const health = this.#of(target);
    if (error === undefined || isAnswered(error)) {
      health.failuresInARow = 0;
      health.answered.add(modality);
      health.breaker.succeed(targetPass);
      return undefined;
    }
    if (error.code === 'ModelUnavailable') health.unavailable = { error, until: this.#clock.now() + UNAVAILABLE_MS };
    if (error.code === 'ModalityRefused') health.refused.set(modality, error);
    if (error.code === 'NoNodesAvailable') {
      return changedError(error, { retryAfterMs: health.breaker.trip(targetPass, error, NO_NODES) });
    }
    if (error.fault === 'attempt') return this.#attemptFailed(health, admission, error);
    health.breaker.release(targetPass);
    return undefined;
  }

  #attemptFailed(health: TargetHealth, admission: Admission, error: DriaError): DriaError | undefined {
    const { targetPass, hasOther, willRepair } = admission;
    if (error.code === 'RateLimited' || (willRepair === true && error.code === 'InvalidOutput')) {
      health.breaker.release(targetPass);
      return undefined;
    }
    health.failuresInARow++;
    const isProbe = health.breaker.isProbe(targetPass);
    if (!hasOther || (health.failuresInARow < FAILURES_IN_A_ROW && !isProbe)) {
      // It answers, if badly, and there is no other: one request at a time would only make it slower.
      if (isProbe) health.breaker.close();
      return undefined;
    }
    const message = `${health.failuresInARow} failures in a row, the last: ${describeLast(error)}`;
    const unavailable = new DriaError({ code: 'TargetUnavailable', message, status: error.status, cause: error });
    const coolingMs = health.breaker.trip(targetPass, unavailable, FAILING);
    return changedError(unavailable, { retryAfterMs: coolingMs, tokens: error.tokens });
  }

  #unavailable({ unavailable }: TargetHealth): DriaError | undefined {
    return unavailable !== undefined && this.#clock.now() < unavailable.until ? unavailable.error : undefined;
  }

  #release({ target, endpointPass, targetPass }: Admission): void {
    this.#endpoint.release(endpointPass);
    this.#of(target).breaker.release(targetPass);
  }

  #of(target: string): TargetHealth {
    const known = this.#targets.get(target);
    if (known !== undefined) return known;
    const health: TargetHealth = {
      breaker: new Breaker(this.#clock),
      failuresInARow: 0,
      unavailable: undefined,
      refused: new Map(),
      answered: new Set(),
    };
    this.#targets.set(target, health);
    return health;
  }
}

/** True for an answer that is no good for reasons of the item: cut off, refused or filtered. */
function isAnswered({ fault, code, status }: DriaError): boolean {
  return fault === 'item' && (code === 'InvalidOutput' || status === 200);
}

/** Without quotes: the words go to other items, too. */
function describeLast({ status, message: whole, shown: message = whole }: DriaError): string {
  return status === undefined || status < 300 ? message : `${status} ${message}`;
}
