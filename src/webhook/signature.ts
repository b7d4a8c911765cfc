import { createHmac } from 'node:crypto';

/** Bytes of a key, by the Standard Webhooks specification. */
const MIN_KEY_BYTES = 24;
const MAX_KEY_BYTES = 64;

/**
 * Parses the value of `DRIA_WEBHOOK_SECRET`: `whsec_` and the key in base64; several with spaces in between, of which each
 * signs, so that a secret can be changed without a gap. Throws a `RangeError` that leaves the value out.
 */
export function parseWebhookSecret(text: string): Buffer[] {
  const secrets = text.split(/\s+/).filter((part) => part !== '');
  return secrets.map((secret) => {
    const base64 = /^whsec_((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)$/.exec(secret)?.[1];
    if (base64 === undefined) throw new RangeError('DRIA_WEBHOOK_SECRET is not "whsec_" and a key in base64');
    const key = Buffer.from(base64, 'base64');
    if (key.length >= MIN_KEY_BYTES && key.length <= MAX_KEY_BYTES) return key;
    throw new RangeError(
      `the key in DRIA_WEBHOOK_SECRET has ${key.length} bytes: ${MIN_KEY_BYTES} to ${MAX_KEY_BYTES}`,
    );
  });
}

/** A message to be signed. */
export interface SignedMessage {
  /** The same for all attempts. */
  readonly id: string;
  /** When it is sent (epoch ms): a receiver refuses an old one. */
  readonly sentAt: number;
  readonly body: string;
}

/** Returns the headers of a message by the Standard Webhooks specification, with one signature for each key. */
export function signatureHeaders(keys: readonly Buffer[], { id, sentAt, body }: SignedMessage): Record<string, string> {
  const timestamp = String(Math.floor(sentAt / 1000));
  const signatures = keys.map((key) => {
    const digest = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
    return `v1,${digest}`;
  });
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures.join(' ') };
}
