import { Endpoint } from '../dria/endpoint.js';
import { ownHeaders } from './own-headers.js';

/** Opens an endpoint for look-ups, with the key and the headers of the environment. Throws a `UserError` for bad headers. */
export function openEndpoint(baseUrl: string, env: NodeJS.ProcessEnv): Endpoint {
  const { DRIA_API_KEY: apiKey } = env;
  const headers = ownHeaders(env);
  return Endpoint.open({ baseUrl, ...(apiKey ? { apiKey } : {}), ...(headers === undefined ? {} : { headers }) });
}
