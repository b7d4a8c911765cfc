import { isIP } from 'node:net';
import { isPublicAddress } from './public-address.js';

/**
 * Hosts that a worker sends webhooks to: `hooks.example.com`, `hooks.example.com:8443`, `*.example.com` (its subdomains), and
 * `*` for any host whose addresses are public. `any`: also those of the worker's own machine and network.
 */
export type WebhookHosts = readonly string[] | 'any';

/** How a host may be reached; `public`: only at a public address. */
export type Admission = 'anywhere' | 'public';

interface HostRule {
  /** As URLs have it, lower case; of `*.example.com` what follows the star, with its dot. */
  readonly host: string;
  readonly isDomain: boolean;
  /** Absent for the port that the URL's scheme has by default. */
  readonly port: string | undefined;
}

/** The hosts that a worker's operator allows. */
export class AllowedHosts {
  private readonly rules: readonly HostRule[];
  private readonly allowsAny: boolean;
  private readonly allowsPublic: boolean;

  /** Throws a `RangeError` that names an entry which is no host. */
  constructor(private readonly hosts: WebhookHosts) {
    const entries = hosts === 'any' ? [] : hosts;
    this.allowsAny = hosts === 'any';
    this.allowsPublic = entries.includes('*');
    this.rules = entries.filter((entry) => entry !== '*').map(ruleOf);
  }

  /** Returns how the host of a URL may be reached; undefined if it may not. */
  admit(url: URL): Admission | undefined {
    if (this.allowsAny || this.rules.some((rule) => matches(rule, url))) return 'anywhere';
    if (!this.allowsPublic) return undefined;
    const literal = url.hostname.replace(/^\[(.*)\]$/, '$1');
    return isIP(literal) === 0 || isPublicAddress(literal) ? 'public' : undefined;
  }

  toString(): string {
    return this.hosts === 'any' ? 'any' : this.hosts.join(', ') || 'none';
  }
}

/** Returns the entries of a list with commas in between. */
export function splitHosts(text: string): string[] {
  return text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}

/** Returns what is wrong with a list of hosts; undefined if nothing is. */
export function hostsProblem(hosts: readonly string[]): string | undefined {
  try {
    new AllowedHosts(hosts);
    return undefined;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return error.message;
  }
}

function ruleOf(entry: string): HostRule {
  const isDomain = entry.startsWith('*.');
  const name = isDomain ? entry.slice(2) : entry;
  const [, host = '', port] = /^(\[[0-9a-f:.]+\]|[^\s:/@?#*[\]\\]+)(?::(\d{1,5}))?$/i.exec(name) ?? [];
  const url = host !== '' && URL.canParse(`http://${host}`) ? new URL(`http://${host}`) : undefined;
  if (url === undefined || Number(port ?? 1) < 1 || Number(port ?? 1) > 65_535) {
    throw new RangeError(
      `the webhook host ${entry} is none: give hooks.example.com, hooks.example.com:8443, *.example.com or *`,
    );
  }
  return { host: isDomain ? `.${url.hostname}` : url.hostname, isDomain, port };
}

function matches({ host, isDomain, port }: HostRule, url: URL): boolean {
  const isPort = port === undefined ? url.port === '' : Number(port) === portOf(url);
  // A name with a dot at its end is the same name.
  const name = url.hostname.replace(/\.$/, '');
  return isPort && (isDomain ? name.endsWith(host) && name.length > host.length : name === host);
}

function portOf({ port, protocol }: URL): number {
  if (port !== '') return Number(port);
  return protocol === 'https:' ? 443 : 80;
}
