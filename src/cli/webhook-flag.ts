import type { WebhookOptions } from '../batch/run.js';
import { webhookUrlProblem } from '../batch/webhook-url.js';
import { parseWebhookSecret } from '../webhook/signature.js';
import { UserError } from './errors.js';
import type { RunOptionFlags } from './run-flags.js';
import type { TemporalSettings } from './temporal-settings.js';

const SECRET_HINT =
  'Give the worker the secret that the receiver checks signatures with, as whsec_ and 24 to 64 bytes in base64: ' +
  'export DRIA_WEBHOOK_SECRET="whsec_$(openssl rand -base64 32)"';

/** The webhook that the flags ask for, as a run is started with it. */
export function webhookFromFlags({ webhook }: Pick<RunOptionFlags, 'webhook'>): { readonly webhook?: WebhookOptions } {
  return webhook === undefined ? {} : { webhook: { url: webhook } };
}

/**
 * Throws a `UserError` for a webhook that cannot be, or that a worker in this process could not sign: on the embedded server
 * it is this process that sends it.
 */
export function checkWebhookFlag(
  { webhook }: Pick<RunOptionFlags, 'webhook'>,
  { kind }: Pick<TemporalSettings, 'kind'>,
  { DRIA_WEBHOOK_SECRET: secret = '' }: NodeJS.ProcessEnv,
): void {
  if (webhook === undefined) return;
  const problem = webhookUrlProblem(webhook);
  if (problem !== undefined) throw new UserError(`--webhook: ${problem}`, { exitCode: 2 });
  if (kind !== 'embedded') return;
  try {
    if (parseWebhookSecret(secret).length > 0) return;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new UserError(`--webhook: ${message}`, { exitCode: 2, hint: SECRET_HINT });
  }
  throw new UserError('--webhook: DRIA_WEBHOOK_SECRET is not set', { exitCode: 2, hint: SECRET_HINT });
}
