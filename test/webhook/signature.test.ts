import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { expect, it } from 'vitest';
import { parseWebhookSecret, signatureHeaders } from '../../src/webhook/signature.js';

it('signs the example of the specification as the specification does', () => {
  const keys = parseWebhookSecret('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw');
  const message = { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', sentAt: 1_614_265_330_999, body: '{"test": 2432232314}' };
  expect(signatureHeaders(keys, message)).toEqual({
    'webhook-id': message.id,
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  });
});

it('signs whatever is in a message so that the reference library takes it, and no other', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 24, maxLength: 64 }), fc.string(), fc.uuid(), (key, body, id) => {
      const secret = `whsec_${Buffer.from(key).toString('base64')}`;
      const payload = JSON.stringify({ body: `${body}é☃` });
      const headers = signatureHeaders(parseWebhookSecret(secret), { id, sentAt: Date.now(), body: payload });
      const receiver = new Webhook(secret);
      expect(receiver.verify(payload, headers)).toEqual(JSON.parse(payload));
      expect(() => receiver.verify(`${payload} `, headers)).toThrow('No matching signature');
      expect(() => receiver.verify(payload, { ...headers, 'webhook-id': `${id}x` })).toThrow('No matching signature');
    }),
    { numRuns: 30 },
  );
});

it('signs with each of several secrets, so that a receiver may know the old one or the new one', () => {
  const [before, after] = [1, 2].map((byte) => `whsec_${Buffer.alloc(32, byte).toString('base64')}`);
  const headers = signatureHeaders(parseWebhookSecret(`${before} ${after}\n`), {
    id: 'a',
    sentAt: Date.now(),
    body: '{}',
  });
  for (const secret of [before, after]) expect(new Webhook(secret ?? '').verify('{}', headers)).toEqual({});
});

it.each([
  ['c2VjcmV0LW9mLXNvbWVib2R5LWVsc2U=', /is not "whsec_"/],
  ['whsec_', /has 0 bytes/],
  ['whsec_c2VjcmV0', /has 6 bytes: 24 to 64/],
  [`whsec_${'A'.repeat(88)}`, /has 66 bytes/],
  ['whsec_c2VjcmV0LW9mLXNvbWVib2R5LWVsc2U', /is not "whsec_"/],
  ['whsec_c2VjcmV0-W9mLXNvbWVib2R5LWVsc2U=', /is not "whsec_"/],
  ['WHSEC_c2VjcmV0LW9mLXNvbWVib2R5LWVsc2U=', /is not "whsec_"/],
])('refuses %s as a secret, without repeating it', (secret, words) => {
  const parse = () => parseWebhookSecret(secret);
  expect(parse).toThrow(words);
  expect(parse).not.toThrow(secret.slice(6) || 'never');
});

it('takes an empty variable for no secret', () => {
  expect(parseWebhookSecret(' ')).toEqual([]);
});
