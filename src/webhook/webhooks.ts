import { Agent, type Dispatcher } from 'undici';
import { webhookUrlProblem } from '../batch/webhook-url.js';
import { createDispatcher } from '../dria/dispatcher.js';
import { isDriaError } from '../dria/errors.js';
import { exchange } from '../dria/exchange.js';
import { retryAfterMs } from '../dria/retry-after.js';
import { type Admission, AllowedHosts, type WebhookHosts } from './hosts.js';
import { lookupPublic } from './public-address.js';
import { parseWebhookSecret, signatureHeaders } from './signature.js';

/** Time for one attempt (ms), connecting included. */
const ATTEMPT_MS = 15_000;

/** Time to connect to a host that may only be reached at a public address (ms). */
const CONNECT_MS = 10_000;

/**
 * Why a webhook was not sent: `REFUSED`, it may not be from here; `REJECTED`, its receiver wants no further attempt;
 * `FAILED`, another attempt may succeed.
 */
export type WebhookErrorCode = 'REFUSED' | 'REJECTED' | 'FAILED';

/** A webhook that its receiver did not take. What the receiver says is not in it: its status is all that is repeated. */
export class WebhookError extends Error {
  override readonly name = 'WebhookError';

  constructor(
    readonly code: WebhookErrorCode,
    message: string,
    /** How long the receiver asks to wait (ms). */
    readonly retryAfterMs?: number,
  ) {
    super(message);
  }
}

/** What a worker sends webhooks with, and where to. */
export interface WebhookSettings {
  /** `whsec_…`, as `DRIA_WEBHOOK_SECRET` has it. Without it nothing is sent. */
  readonly secret?: string | undefined;
  readonly hosts: WebhookHosts;
}

/** A message to a receiver. */
export interface WebhookMessage {
  readonly url: string;
  /** The same for all attempts, so that the receiver can leave out what it has. */
  readonly id: string;
  readonly body: string;
}

/** Sends webhooks, signed by the Standard Webhooks specification, to the hosts that the worker's operator allows. */
export class Webhooks {
  readonly #keys: readonly Buffer[];
  readonly #hosts: AllowedHosts;

  /** Throws a `RangeError` for a secret or a host that is none. */
  constructor({ secret = '', hosts }: WebhookSettings) {
    this.#keys = parseWebhookSecret(secret);
    this.#hosts = new AllowedHosts(hosts);
  }

  /** Checks whether this worker sends to a URL. Throws a `REFUSED` that says what to do; touches no network. */
  check(url: string): void {
    this.#admit(url);
  }

  /** Sends a message once. Follows no redirect. Throws a {@link WebhookError} unless the receiver has taken it. */
  async send({ url: text, id, body }: WebhookMessage, signal?: AbortSignal): Promise<void> {
    const { url, admission } = this.#admit(text);
    const dispatcher = dispatcherFor(url, admission);
    try {
      const { status, headers } = await exchange(dispatcher, {
        origin: url.origin,
        path: url.pathname,
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'user-agent': 'dria-temporal',
          ...signatureHeaders(this.#keys, { id, sentAt: Date.now(), body }),
        },
        body,
        timeoutMs: ATTEMPT_MS,
        signal,
      });
      if (status >= 200 && status < 300) return;
      throw rejected(url, status, retryAfterMs(headers, Date.now()));
    } catch (error) {
      throw isDriaError(error) ? new WebhookError('FAILED', `${url.host}: ${error.message}`) : error;
    } finally {
      await dispatcher.destroy();
    }
  }

  #admit(text: string): { readonly url: URL; readonly admission: Admission } {
    const problem = webhookUrlProblem(text);
    if (problem !== undefined) throw new WebhookError('REFUSED', `the webhook's URL: ${problem}`);
    const url = new URL(text);
    const admission = this.#hosts.admit(url);
    if (admission === undefined) {
      throw new WebhookError(
        'REFUSED',
        `this worker sends no webhooks to ${url.host}: its operator allows hosts by --webhook-hosts, DRIA_TEMPORAL_WEBHOOK_HOSTS ` +
          `or webhookHosts (now: ${this.#hosts})`,
      );
    }
    if (this.#keys.length > 0) return { url, admission };
    throw new WebhookError(
      'REFUSED',
      'this worker has no secret to sign webhooks with: set DRIA_WEBHOOK_SECRET, as whsec_ and 24 to 64 bytes in base64',
    );
  }
}

/** A host that is named by the operator may be behind the environment's proxy; the addresses of any other are looked at. */
function dispatcherFor(url: URL, admission: Admission): Dispatcher {
  if (admission === 'anywhere') return createDispatcher(url, 1);
  return new Agent({ connections: 1, pipelining: 1, connect: { timeout: CONNECT_MS, lookup: lookupPublic } });
}

function rejected(url: URL, status: number, waitMs: number | undefined): WebhookError {
  const answer = `${url.host} answered ${status}`;
  if (status >= 300 && status < 400) return new WebhookError('REJECTED', `${answer}: redirects are not followed`);
  if (status === 410) return new WebhookError('REJECTED', `${answer}: it wants no more webhooks`);
  return new WebhookError('FAILED', answer, waitMs);
}
