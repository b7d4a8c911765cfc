import { readFileSync } from 'node:fs';
import { loadClientConfigProfile, toClientOptions } from '@temporalio/envconfig';
import type { NativeConnectionOptions } from '@temporalio/worker';
import { UserError } from './errors.js';
import type { TemporalFlags } from './temporal-flags.js';

/** Which Temporal server a command talks to. */
export type TemporalSettings =
  | { readonly kind: 'embedded' }
  | {
      readonly kind: 'cluster';
      readonly address: string;
      readonly namespace: string;
      readonly options: NativeConnectionOptions;
    };

type Profile = ReturnType<typeof loadClientConfigProfile>;

/**
 * Flags, environment and `temporal.toml`, as the `temporal` CLI reads them. No address anywhere means the embedded
 * server. Throws a `UserError` for a file or profile that cannot be read.
 */
export function temporalSettings(flags: TemporalFlags, env: NodeJS.ProcessEnv): TemporalSettings {
  const profile = withFlags(loadProfile(flags, env), flags);
  if (profile.address === undefined) {
    if (flags.profile !== undefined) {
      throw new UserError(`profile ${flags.profile} has no address`, {
        exitCode: 2,
        hint: 'Add one, or give --address.',
      });
    }
    return { kind: 'embedded' };
  }
  const { connectionOptions, namespace } = toClientOptions(profile);
  return { kind: 'cluster', address: profile.address, namespace: namespace ?? 'default', options: connectionOptions };
}

function loadProfile(flags: TemporalFlags, env: NodeJS.ProcessEnv): Profile {
  const set = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  try {
    return loadClientConfigProfile({
      ...(flags.profile === undefined ? {} : { profile: flags.profile }),
      ...(flags.configFile === undefined ? {} : { configSource: { path: flags.configFile } }),
      overrideEnvVars: Object.fromEntries(set),
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UserError(`the Temporal profile cannot be read: ${reason}`, { exitCode: 2, cause: error });
  }
}

function withFlags(profile: Profile, flags: TemporalFlags): Profile {
  const certificate = fileSource(flags.tlsCertPath, '--tls-cert-path');
  const key = fileSource(flags.tlsKeyPath, '--tls-key-path');
  const ca = fileSource(flags.tlsCaPath, '--tls-ca-path');
  const tls = {
    ...profile.tls,
    ...(certificate === undefined ? {} : { clientCert: certificate }),
    ...(key === undefined ? {} : { clientKey: key }),
    ...(ca === undefined ? {} : { serverCACert: ca }),
    ...(flags.tlsServerName === undefined ? {} : { serverName: flags.tlsServerName }),
  };
  const wanted = flags.tls === true || Object.keys(tls).length > 0;
  return {
    ...profile,
    ...(flags.address === undefined ? {} : { address: flags.address }),
    ...(flags.namespace === undefined ? {} : { namespace: flags.namespace }),
    ...(wanted ? { tls } : {}),
  };
}

function fileSource(path: string | undefined, flag: string): { readonly data: Uint8Array } | undefined {
  if (path === undefined) return undefined;
  try {
    return { data: readFileSync(path) };
  } catch (error) {
    throw new UserError(`${flag}: ${path} cannot be read`, { exitCode: 2, cause: error });
  }
}
