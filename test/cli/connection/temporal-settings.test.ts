import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { UserError } from '../../../src/cli/errors.js';
import { temporalFlagsSchema } from '../../../src/cli/temporal-flags.js';
import { type TemporalSettings, temporalSettings } from '../../../src/cli/temporal-settings.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'dria-temporal-settings-'));
  writeFileSync(
    join(folder, 'temporal.toml'),
    `[profile.default]
address = "\${namespace}.example:7233"
namespace = "prod"
grpc_meta = { team = "blue", keep = "1" }
[profile.default.codec]
endpoint = "https://codec.example/"
auth = "Bearer of-profile"
[profile.local.codec]
endpoint = "http://127.0.0.1:1"
[profile.odd]
address = "x:1"
codec = 5
`,
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

type Flags = Partial<ReturnType<typeof temporalFlagsSchema.parse>>;

function settings(flags: Flags, env: NodeJS.ProcessEnv = {}): TemporalSettings {
  return temporalSettings(temporalFlagsSchema.parse(flags), { HOME: folder, ...env });
}

const file = () => ({ configFile: join(folder, 'temporal.toml') });

describe('temporalSettings', () => {
  test('reads the codec and the address of a profile', () => {
    expect(settings(file())).toMatchObject({
      kind: 'cluster',
      address: 'prod.example:7233',
      namespace: 'prod',
      converter: { codec: { endpoint: 'https://codec.example', auth: 'Bearer of-profile', headers: {} } },
      options: { metadata: { team: 'blue', keep: '1' } },
    });
    expect(settings({ ...file(), profile: 'odd' }).converter).toEqual({});
  });

  test('takes variables before the profile, and flags before both', () => {
    const env = { TEMPORAL_CODEC_ENDPOINT: 'http://env:1', TEMPORAL_CODEC_AUTH: 'of-env', TEMPORAL_NAMESPACE: 'env' };
    expect(settings(file(), env)).toMatchObject({
      namespace: 'env',
      converter: { codec: { endpoint: 'http://env:1', auth: 'of-env' } },
    });
    const flags = {
      namespace: 'flag',
      address: 'flag:1',
      apiKey: 'key-of-flag',
      grpcMeta: ['Team=red', 'a=b=c'],
      codecEndpoint: 'http://flag:1/{namespace}',
      codecAuth: 'of-flag',
      codecHeader: ['x-one=1'],
      dataConverter: './converter.js',
      identity: 'me',
      clientConnectTimeout: '1m0.5s',
    };
    expect(settings({ ...file(), ...flags }, env)).toMatchObject({
      address: 'flag:1',
      namespace: 'flag',
      identity: 'me',
      connectTimeoutMs: 60_500,
      options: { apiKey: 'key-of-flag', tls: true, metadata: { team: 'red', keep: '1', a: 'b=c' } },
      converter: {
        module: './converter.js',
        codec: { endpoint: 'http://flag:1/{namespace}', auth: 'of-flag', headers: { 'x-one': '1' } },
      },
    });
  });

  test('takes certificates as they are, and no TLS where it is switched off', () => {
    const flags = { address: 'a:1', tlsCertData: 'CERT', tlsKeyData: 'KEY', tlsCaData: 'CA', tlsServerName: 'name' };
    expect(settings(flags)).toMatchObject({
      options: {
        tls: {
          clientCertPair: { crt: Buffer.from('CERT'), key: Buffer.from('KEY') },
          serverRootCACertificate: Buffer.from('CA'),
          serverNameOverride: 'name',
        },
      },
    });
    expect(settings({ address: 'a:1', apiKey: 'k', tls: false })).toMatchObject({ options: { tls: false } });
    expect(settings({ address: 'a:1' })).toMatchObject({ options: { tls: undefined } });
  });

  test('reads no file and no variables where that is asked for', () => {
    const env = { TEMPORAL_ADDRESS: 'env:1', TEMPORAL_CONFIG_FILE: file().configFile };
    expect(settings({ disableConfigFile: true }, env)).toMatchObject({ address: 'env:1', converter: {} });
    expect(settings({ disableConfigFile: true, disableConfigEnv: true }, env).kind).toBe('embedded');
  });

  test('has a codec on the embedded server as well', () => {
    expect(settings({ codecEndpoint: 'http://127.0.0.1:1' })).toMatchObject({
      kind: 'embedded',
      converter: { codec: { endpoint: 'http://127.0.0.1:1' } },
    });
  });

  test.each<[string, Flags, RegExp]>([
    ['grpcMeta', { grpcMeta: ['a-secret'] }, /^--grpc-meta: give KEY=VALUE$/],
    ['codecHeader', { codecHeader: ['=a-secret'] }, /^--codec-header: give KEY=VALUE$/],
    ['a header that is none', { codecHeader: ['x y=a-secret'] }, /^--codec-header: it is no header/],
    ['codecAuth', { codecAuth: 'a-secret\n' + 'x: y' }, /^--codec-auth: it is no header/],
    ['a codec without a scheme', { codecEndpoint: 'a-secret@host' }, /^--codec-endpoint: it is no URL/],
    ['a password', { codecEndpoint: 'https://me:a-secret@host' }, /^--codec-endpoint: it holds a user or a password$/],
    ['two keys', { tlsKeyPath: '/x', tlsKeyData: 'a-secret' }, /^--tls-key-path and --tls-key-data are both given/],
    ['host names', { tlsDisableHostVerification: true }, /^--tls-disable-host-verification: Temporal's SDK/],
    ['an authority', { clientAuthority: 'a' }, /^--client-authority: Temporal's SDK/],
    ['a time', { clientConnectTimeout: 'soon' }, /^--client-connect-timeout soon: give a time/],
  ])('refuses %s, without a secret in its words', (_name, flags, words) => {
    const error = (() => {
      try {
        return settings({ address: 'a:1', ...flags });
      } catch (thrown) {
        return thrown;
      }
    })();
    expect(error).toBeInstanceOf(UserError);
    expect(error).toMatchObject({ exitCode: 2, message: expect.stringMatching(words) });
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('a-secret');
  });
});
