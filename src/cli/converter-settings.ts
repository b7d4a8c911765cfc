import { UserError } from './errors.js';
import { pairs } from './pairs.js';
import type { TemporalFlags } from './temporal-flags.js';

/** A codec server, as other Temporal tools use it. */
export interface CodecServer {
  /** Base URL, without `/encode`. `{namespace}` in it stands for the namespace. */
  readonly endpoint: string;
  /** The `Authorization` header: a secret. */
  readonly auth?: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** How payloads are made and read. */
export interface ConverterSettings {
  /** Module that exports `dataConverter`. */
  readonly module?: string;
  readonly codec?: CodecServer;
}

/** The converter that a profile's codec and the flags ask for. Throws a `UserError` that names the flag, and no secret. */
export function converterSettings(
  profile: { readonly endpoint?: string | undefined; readonly auth?: string | undefined } | undefined,
  { codecEndpoint, codecAuth, codecHeader, dataConverter }: TemporalFlags,
): ConverterSettings {
  const endpoint = codecEndpoint || profile?.endpoint;
  const auth = codecAuth || profile?.auth;
  const headers = headersOf(pairs(codecHeader, '--codec-header'), auth);
  return {
    ...(dataConverter ? { module: dataConverter } : {}),
    ...(endpoint ? { codec: { endpoint: checkEndpoint(endpoint), headers, ...(auth ? { auth } : {}) } } : {}),
  };
}

function checkEndpoint(text: string): string {
  // A URL with a password in it is not repeated.
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new UserError('--codec-endpoint: it is no URL with http:// or https://', { exitCode: 2 });
  }
  if (url.username !== '' || url.password !== '') {
    throw new UserError('--codec-endpoint: it holds a user or a password', {
      exitCode: 2,
      hint: 'Give them by --codec-auth, or in TEMPORAL_CODEC_AUTH.',
    });
  }
  return text.replace(/\/+$/, '');
}

/** Checks what fetch would refuse with the value in its words. */
function headersOf(headers: Record<string, string>, auth: string | undefined): Record<string, string> {
  for (const [name, value] of [...Object.entries(headers), ['Authorization', auth ?? ''] as const]) {
    try {
      new Headers([[name, value]]);
    } catch {
      const flag = name === 'Authorization' ? '--codec-auth' : '--codec-header';
      throw new UserError(`${flag}: it is no header that can be sent`, { exitCode: 2 });
    }
  }
  return headers;
}
