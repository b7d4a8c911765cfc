import { Agent, type Dispatcher, EnvHttpProxyAgent, Pool } from 'undici';
import { DriaError } from './errors.js';

/** Time to connect, TLS included (ms). */
const CONNECT_MS = 10_000;

/**
 * Returns the pool of connections to an endpoint. Goes through the proxy of HTTPS_PROXY, HTTP_PROXY and NO_PROXY, except to
 * this machine itself. Its own time-outs are off: each request has one timer, held by whoever sends it.
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
    // No tunnel for http:// targets: many proxies allow CONNECT to port 443 only, or know no CONNECT.
    return new EnvHttpProxyAgent({ ...options, proxyTunnel: false, clientFactory: proxyClient });
  } catch {
    // Without the value: a proxy's URL may hold a password.
    throw new DriaError({ code: 'InvalidRequest', message: 'HTTPS_PROXY or HTTP_PROXY is not the URL of a proxy' });
  }
}

/** Code of the error for a proxy that breaks the connection when it is asked for a tunnel. */
export const PROXY_BROKE_OFF = 'PROXY_BROKE_OFF';

/**
 * Connections to the proxy. undici tries a connection anew, at once and for ever, if it breaks with a socket's error while
 * nothing runs on it (nodejs/undici#5093). With a code of our own it fails the request.
 */
function proxyClient(origin: URL, options: object): Dispatcher {
  const pool = new Pool(origin, options);
  const connect = pool.connect.bind(pool);
  const connectOrFail = async (request: Dispatcher.ConnectOptions) => {
    try {
      return await connect(request);
    } catch (cause) {
      const error = new Error('the proxy cannot be reached', { cause });
      throw Object.assign(error, { code: codeOf(cause), isOfProxy: true });
    }
  };
  return Object.assign(pool, { connect: connectOrFail });
}

function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && !code.startsWith('UND_ERR') ? code : PROXY_BROKE_OFF;
}

function proxyIsSet(): boolean {
  const { http_proxy, HTTP_PROXY, https_proxy, HTTPS_PROXY } = process.env;
  return [http_proxy, HTTP_PROXY, https_proxy, HTTPS_PROXY].some((value) => value !== undefined && value !== '');
}

function isLoopback(hostname: string): boolean {
  return /^(localhost|.*\.localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname);
}
