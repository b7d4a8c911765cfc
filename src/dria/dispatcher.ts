import { Agent, type Dispatcher, EnvHttpProxyAgent } from 'undici';

/** Time to connect, TLS included, ms. */
const CONNECT_MS = 10_000;

/**
 * The pool of connections to an endpoint. Goes through the proxy of HTTPS_PROXY, HTTP_PROXY and NO_PROXY, except to this
 * machine itself. Its own time-outs are off: each request has one timer, held by whoever sends it.
 */
export function createDispatcher(base: URL, connections: number | undefined): Dispatcher {
  const options = {
    pipelining: 1,
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: { timeout: CONNECT_MS },
    ...(connections === undefined ? {} : { connections }),
  };
  return isLoopback(base.hostname) || !proxyIsSet() ? new Agent(options) : new EnvHttpProxyAgent(options);
}

function proxyIsSet(): boolean {
  const { http_proxy, HTTP_PROXY, https_proxy, HTTPS_PROXY } = process.env;
  return [http_proxy, HTTP_PROXY, https_proxy, HTTPS_PROXY].some((value) => value !== undefined && value !== '');
}

function isLoopback(hostname: string): boolean {
  return /^(localhost|.*\.localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname);
}
