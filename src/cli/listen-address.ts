import { lookup } from 'node:dns/promises';
import { isIPv6 } from 'node:net';
import { InvalidArgumentError } from 'commander';

/** Where a server listens. */
export interface ListenAddress {
  /** A name or an address; an IPv6 address without its brackets. */
  readonly host: string;
  readonly port: number;
}

/** An address of the command line, `host:port` or `[::1]:port`. Throws an `InvalidArgumentError`. */
export function parseListenAddress(text: string): ListenAddress {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:[\]]*)):(\d+)$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || Number(port) > 65_535) throw new InvalidArgumentError('Expected host:port.');
  return { host: host === '' ? '0.0.0.0' : host, port: Number(port) };
}

/** The address as people and URLs write it. */
export function hostAndPort({ host, port }: ListenAddress): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The address without a name in it, for who looks none up. Throws a system error when the name is not known. */
export async function numericAddress({ host, port }: ListenAddress): Promise<string> {
  const { address } = await lookup(host);
  return hostAndPort({ host: address, port });
}
