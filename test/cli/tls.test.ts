import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Authority, type Certificate, contentOf, hasOpenssl } from '../support/certificates.js';
import { CliWorld } from '../support/cli.js';
import { readResults } from '../support/result-lines.js';
import { ServerLink } from '../support/server-link.js';
import { startWorker } from '../support/worker-command.js';

const SERVER_NAME = 'temporal.test';

describe.skipIf(!hasOpenssl).concurrent('a server behind mutual TLS', () => {
  let world: CliWorld;
  let authority: Authority;
  let client: Certificate;
  let link: ServerLink;
  beforeAll(async () => {
    world = await CliWorld.open();
    authority = new Authority();
    client = authority.issue('client');
    const ca = readFileSync(authority.certificate.cert);
    const tls = { ...contentOf(authority.issue(SERVER_NAME)), ca, requestCert: true, rejectUnauthorized: true };
    link = await ServerLink.open(await world.keepServer(), tls);
  });
  afterAll(async () => {
    await link.close();
    authority.close();
    await world.close();
  });

  const address = () => ['--address', `127.0.0.1:${link.port}`, '--tls-server-name', SERVER_NAME];
  const trusted = () => ['--tls-ca-path', authority.certificate.cert];
  const named = ({ cert, key }: Certificate) => ['--tls-cert-path', cert, '--tls-key-path', key];

  test('worker and batch reach it with a certificate, by flags and by variables', async () => {
    const worker = await startWorker(world, [...address(), ...trusted(), ...named(client)]);
    const env = {
      TEMPORAL_ADDRESS: `127.0.0.1:${link.port}`,
      TEMPORAL_TLS: 'true',
      TEMPORAL_TLS_SERVER_NAME: SERVER_NAME,
      TEMPORAL_TLS_SERVER_CA_CERT_PATH: authority.certificate.cert,
      TEMPORAL_TLS_CLIENT_CERT_PATH: client.cert,
      TEMPORAL_TLS_CLIENT_KEY_PATH: client.key,
    };
    const output = world.path('results.jsonl');
    const { code, stderr } = await world.run(['batch', world.prompts('tls', 10), '-o', output], { env });
    expect(code, stderr).toBe(0);
    expect(readResults(output)).toHaveLength(10);
    worker.signal('SIGTERM');
    expect((await worker.ended).code).toBe(0);
  });

  test.each<[string, () => string[]]>([
    ['without a certificate', () => [...address(), ...trusted()]],
    ['without trust in its authority', () => [...address(), '--tls', ...named(client)]],
    ['without TLS', () => address().slice(0, 2)],
  ])('refuses a command %s, which says so and ends', async (_name, args) => {
    const { code, stderr, ms } = await world.run(['batch', world.prompts('refused', 2), ...args()]);
    expect([code, stderr]).toEqual([1, expect.stringContaining('no Temporal server answers at 127.0.0.1:')]);
    expect(stderr).not.toMatch(/\n\s+at /);
    expect(stderr).not.toContain('PRIVATE KEY');
    expect(ms).toBeLessThan(30_000);
    const requests = await world.network.requests();
    expect(requests.filter(({ prompt }) => prompt.startsWith('refused'))).toEqual([]);
  });
});
