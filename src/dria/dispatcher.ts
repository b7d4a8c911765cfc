import { Agent, type Dispatcher, EnvHttpProxyAgent } from 'undici';
import { DriaError } from './errors.js';

/** Time to connect, TLS included, ms. */
const CONNECT_MS = 10_000;

/**
 * The pool of connections to an endpoint. Goes through the proxy of HTTPS_PROXY, HTTP_PROXY and NO_PROXY, except to this
 * machine itself. Its own time-outs are off: each request has one timer, held by whoever sends it.
 * Throws `InvalidRequest` for a proxy that is no URL.
 */
export function createDispatcher(base: URL, connections: number | undefined): Dispatcher {
  const options = {
    pipelining: 1,
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: { timeout: CONNECT_MS },
    ...(connections === undefined ? {} : { connections }),
  };
  if (isLoopback(base.hostname) || !proxyIsSet()) return new Agent(options);
  try {
    return new EnvHttpProxyAgent(options);
  } catch {
    // Without the value: a proxy's URL may hold a password.
    throw new DriaError({ code: 'InvalidRequest', message: 'HTTPS_PROXY or HTTP_PROXY is not the URL of a proxy' });
  }
}

function proxyIsSet(): boolean {
  const { http_proxy, HTTP_PROXY, https_proxy, HTTPS_PROXY } = process.env;
  return [http_proxy, HTTP_PROXY, https_proxy, HTTPS_PROXY].some((value) => value !== undefined && value !== '');
}

function isLoopback(hostname: string): boolean {
  return /^(localhost|.*\.localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname);
}
