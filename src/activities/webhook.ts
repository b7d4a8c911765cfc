import { z } from 'zod';
import { webhookOptionsSchema } from '../batch/run.js';
import { runEventSchema } from '../batch/run-event.js';
import type { WebhookInput } from '../batch/step-contract.js';
import { ifThere } from '../store/json.js';
import { readStoredSettings } from '../store/settings.js';
import { WebhookError } from '../webhook/webhooks.js';
import type { ActivityDependencies } from './dependencies.js';
import { invalid, translated } from './failures.js';

/** What a webhook is sent by. Whoever can start an activity gets no more signed than an event. */
const webhookInputSchema = z.object({
  run: z.string(),
  url: webhookOptionsSchema.shape.url,
  // No full stop: it stands between the parts of what is signed.
  id: z.string().regex(/^[\w-]{1,200}$/),
  event: runEventSchema,
});

/** Checks whether this worker sends a run's webhooks. Throws a `WebhookError`; sends nothing. */
export function checkWebhook({ webhooks }: Pick<ActivityDependencies, 'webhooks'>, url: string): void {
  if (webhooks === undefined) throw new WebhookError('REFUSED', 'this worker sends no webhooks');
  webhooks.check(url);
}

/** Sends an event of a run to its webhook, once. */
export function sendWebhook(dependencies: ActivityDependencies, input: WebhookInput): Promise<void> {
  return translated(async () => {
    const parsed = webhookInputSchema.safeParse(input);
    if (!parsed.success) throw invalid(`the webhook: ${z.prettifyError(parsed.error)}`);
    const { run, url, id, event } = parsed.data;
    checkWebhook(dependencies, url);
    if (dependencies.stagedOnly === true) await refuseOtherUrl(dependencies, run, url);
    await dependencies.webhooks?.send({ url, id, body: JSON.stringify(event) });
  });
}

/** Others than the run's owner can start workflows here: the URL must be the one that a command has stored for the run. */
async function refuseOtherUrl({ storage }: ActivityDependencies, run: string, url: string): Promise<void> {
  const settings = await ifThere(readStoredSettings(storage, run));
  if (settings?.webhook === url) return;
  throw invalid(`the webhook of ${run} is not the one that its command has stored here`);
}
