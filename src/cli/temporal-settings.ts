import { readFileSync } from 'node:fs';
import { fromTomlProfile, toClientOptions } from '@temporalio/envconfig';
// The package's index gives a profile without its codec.
import { tomlLoadClientConfigProfile } from '@temporalio/envconfig/lib/envconfig-toml.js';
import type { NativeConnectionOptions } from '@temporalio/worker';
import { z } from 'zod';
import { type ConverterSettings, converterSettings } from './converter-settings.js';
import { UserError } from './errors.js';
import { pairs } from './pairs.js';
import type { TemporalFlags } from './temporal-flags.js';

/** What a command has of any server. */
interface CommonSettings {
  readonly converter: ConverterSettings;
  /** What the server shows as the sender of requests. */
  readonly identity?: string;
  /** How long the server may take to answer the first time, ms. */
  readonly connectTimeoutMs?: number;
}

/** Which Temporal server a command talks to. */
export type TemporalSettings = CommonSettings &
  (
    | { readonly kind: 'embedded' }
    | {
        readonly kind: 'cluster';
        readonly address: string;
        readonly namespace: string;
        readonly options: NativeConnectionOptions;
      }
  );

type Profile = ReturnType<typeof fromTomlProfile>;

/** Place in an address where the namespace stands. */
// biome-ignore lint/suspicious/noTemplateCurlyInString: it is a text, as `temporal` has it.
const NAMESPACE_IN_ADDRESS = '${namespace}';

/** Flags of `temporal` that Temporal's SDK for TypeScript has nothing for. */
const UNKNOWN_TO_SDK = {
  tlsDisableHostVerification: '--tls-disable-host-verification',
  clientAuthority: '--client-authority',
} as const;

/**
 * Flags, environment and `temporal.toml`, as the `temporal` CLI reads them. No address anywhere means the embedded
 * server. Throws a `UserError` for a file or profile that cannot be read.
 */
export function temporalSettings(flags: TemporalFlags, env: NodeJS.ProcessEnv): TemporalSettings {
  refuseUnknown(flags);
  const loaded = loadProfile(flags, env);
  const profile = withFlags(fromTomlProfile(loaded), flags);
  const common: CommonSettings = {
    converter: converterSettings(codecSchema.parse(loaded.codec), flags),
    ...(flags.identity === undefined ? {} : { identity: flags.identity }),
    ...connectTimeout(flags.clientConnectTimeout),
  };
  if (profile.address === undefined) {
    if (flags.profile !== undefined) {
      throw new UserError(`profile ${flags.profile} has no address`, {
        exitCode: 2,
        hint: 'Add one, or give --address.',
      });
    }
    return { ...common, kind: 'embedded' };
  }
  const { connectionOptions, namespace = 'default' } = toClientOptions(profile);
  const address = profile.address.replaceAll(NAMESPACE_IN_ADDRESS, namespace);
  return { ...common, kind: 'cluster', address, namespace, options: connectionOptions };
}

/** The `codec` of a profile: anything else in its place is none. */
const codecSchema = z
  .object({ endpoint: z.string().optional(), auth: z.string().optional() })
  .optional()
  .catch(undefined);

function refuseUnknown(flags: TemporalFlags): void {
  for (const [name, flag] of Object.entries(UNKNOWN_TO_SDK)) {
    if (flags[name as keyof typeof UNKNOWN_TO_SDK] === undefined) continue;
    throw new UserError(`${flag}: Temporal's SDK for TypeScript cannot do that`, {
      exitCode: 2,
      hint: 'If the certificate has another name than the address, give it by --tls-server-name.',
    });
  }
}

function loadProfile(flags: TemporalFlags, env: NodeJS.ProcessEnv): ReturnType<typeof tomlLoadClientConfigProfile> {
  const { profile, configFile, disableConfigFile: disableFile = false, disableConfigEnv: disableEnv = false } = flags;
  if (disableFile && disableEnv) return {};
  const set = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  try {
    return tomlLoadClientConfigProfile({
      ...(profile === undefined ? {} : { profile }),
      ...(configFile === undefined ? {} : { configSource: { path: configFile } }),
      disableFile,
      disableEnv,
      overrideEnvVars: Object.fromEntries(set),
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UserError(`the Temporal profile cannot be read: ${reason}`, { exitCode: 2, cause: error });
  }
}

function withFlags(profile: Profile, flags: TemporalFlags): Profile {
  const { address, namespace, apiKey, tlsServerName: serverName } = flags;
  const clientCert = pem(flags.tlsCertPath, flags.tlsCertData, '--tls-cert');
  const clientKey = pem(flags.tlsKeyPath, flags.tlsKeyData, '--tls-key');
  const serverCACert = pem(flags.tlsCaPath, flags.tlsCaData, '--tls-ca');
  const tls = {
    ...profile.tls,
    ...(clientCert === undefined ? {} : { clientCert }),
    ...(clientKey === undefined ? {} : { clientKey }),
    ...(serverCACert === undefined ? {} : { serverCACert }),
    ...(serverName === undefined ? {} : { serverName }),
    ...(flags.tls === false ? { disabled: true } : {}),
  };
  const wanted = flags.tls === true || Object.keys(tls).length > 0;
  const { grpcMeta } = fromTomlProfile({ grpc_meta: pairs(flags.grpcMeta, '--grpc-meta') });
  return {
    ...profile,
    ...(address === undefined ? {} : { address }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(wanted ? { tls } : {}),
    grpcMeta: { ...profile.grpcMeta, ...grpcMeta },
  };
}

/** A certificate or key, from its file or as it is. */
function pem(path: string | undefined, data: string | undefined, flag: string): { data: Uint8Array } | undefined {
  if (path !== undefined && data !== undefined) {
    throw new UserError(`${flag}-path and ${flag}-data are both given: use one of them`, { exitCode: 2 });
  }
  if (data !== undefined) return { data: Buffer.from(data) };
  if (path === undefined) return undefined;
  try {
    return { data: readFileSync(path) };
  } catch (error) {
    throw new UserError(`${flag}-path: ${path} cannot be read`, { exitCode: 2, cause: error });
  }
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** A duration as `temporal` has them: `10s`, `500ms`, `1m30s`. */
function connectTimeout(text: string | undefined): Pick<CommonSettings, 'connectTimeoutMs'> {
  if (text === undefined) return {};
  if (!/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) {
    throw new UserError(`--client-connect-timeout ${text}: give a time, as 10s or 500ms`, { exitCode: 2 });
  }
  const parts = Array.from(text.matchAll(/([\d.]+)(ms|s|m|h)/g), ([, count, unit = '']) => {
    return Number(count) * (UNIT_MS[unit] ?? 0);
  });
  const total = parts.reduce((sum, part) => sum + part, 0);
  // 0 means no limit there; a command always has its own.
  return total === 0 ? {} : { connectTimeoutMs: total };
}
