import { Webhook } from 'standardwebhooks';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type WebhookError, type WebhookSettings, Webhooks } from '../../src/webhook/webhooks.js';
import { always, type Script, ScriptedServer } from '../dria/scripted-server.js';
import { freePort } from '../support/free-ports.js';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

async function receiver(script: Script): Promise<ScriptedServer> {
  const server = await new ScriptedServer(script).listen();
  onTestFinished(() => server.close());
  return server;
}

async function trouble(url: string, settings: Partial<WebhookSettings> = {}): Promise<WebhookError> {
  const webhooks = new Webhooks({ secret: SECRET, hosts: 'any', ...settings });
  const sent = webhooks.send({ url, id: 'msg_1', body: '{}' });
  return await sent.then(
    () => Promise.reject(new Error('it was sent')),
    (error: WebhookError) => error,
  );
}

describe('a webhook', () => {
  it('is a signed POST of its body, which the reference library takes', async () => {
    const server = await receiver(always(204, ''));
    const body = JSON.stringify({ type: 'run.completed', data: { reason: '“é' } });
    const url = `http://127.0.0.1:${server.port}/hooks/a%20b`;
    await new Webhooks({ secret: SECRET, hosts: 'any' }).send({ url, id: 'msg_1', body });
    const [got] = server.received;
    expect(got).toMatchObject({ method: 'POST', path: '/hooks/a%20b', body });
    expect(got?.headers).toMatchObject({ 'content-type': 'application/json', 'webhook-id': 'msg_1' });
    expect(got?.headers.authorization).toBeUndefined();
    expect(new Webhook(SECRET).verify(got?.body ?? '', headersOf(got?.headers ?? {}))).toEqual(JSON.parse(body));
  });

  it.each([
    [500, 'FAILED', {}, undefined],
    [404, 'FAILED', {}, undefined],
    [429, 'FAILED', { 'retry-after': '7' }, 7000],
    [410, 'REJECTED', {}, undefined],
    [307, 'REJECTED', { location: 'http://127.0.0.1:9/' }, undefined],
  ])('answered by %i is %s, and nothing but the status is repeated', async (status, code, headers, waitMs) => {
    const server = await receiver(always(status, 'inner words', headers));
    const error = await trouble(`http://127.0.0.1:${server.port}/`);
    expect(error).toMatchObject({ name: 'WebhookError', code, retryAfterMs: waitMs });
    expect(error.message).toContain(`127.0.0.1:${server.port} answered ${status}`);
    expect(error.message).not.toContain('inner words');
    expect(server.received).toHaveLength(1);
  });

  it('fails in words if nobody listens, and may be sent again', async () => {
    const error = await trouble(`http://127.0.0.1:${await freePort()}/`);
    expect([error.code, error.message]).toEqual(['FAILED', expect.stringMatching(/connection refused/)]);
  });

  it('is not sent to a name that leads to this machine if only public hosts are allowed', async () => {
    const server = await receiver(always(200, ''));
    const error = await trouble(`http://localhost:${server.port}/`, { hosts: ['*'] });
    expect([error.code, error.message]).toEqual([
      'FAILED',
      expect.stringMatching(/leads to an address that is not public/),
    ]);
    expect(server.received).toEqual([]);
  });

  it.each<[string, string, Partial<WebhookSettings>, RegExp]>([
    [
      'its host is not allowed',
      'http://169.254.169.254/',
      { hosts: [] },
      /sends no webhooks to 169\.254\.169\.254: .*--webhook-hosts.*\(now: none\)/,
    ],
    [
      'its address is not public',
      'http://169.254.169.254/',
      { hosts: ['*'] },
      /sends no webhooks to 169\.254\.169\.254/,
    ],
    ['there is no secret', 'http://127.0.0.1:9/', { secret: undefined }, /DRIA_WEBHOOK_SECRET/],
    ['its URL has a password', 'http://u:p@127.0.0.1:9/', {}, /must not hold a user name/],
    ['its URL is none', 'ftp://127.0.0.1/', {}, /not an http\(s\) URL/],
  ])('is refused if %s', async (_why, url, settings, words) => {
    expect(await trouble(url, settings)).toMatchObject({ code: 'REFUSED', message: expect.stringMatching(words) });
    const check = () => new Webhooks({ secret: SECRET, hosts: 'any', ...settings }).check(url);
    expect(check).toThrow(words);
  });
});

function headersOf(headers: ScriptedServer['received'][number]['headers']): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}
