import { ENDPOINT_NAME, MAX_ENDPOINTS } from './batch/endpoint-rules.js';
import type { RequestForm } from './batch/request-form.js';
import { Endpoint } from './dria/endpoint.js';
import type { NamedEndpoint, NamedEndpoints } from './dria/named-endpoint.js';
import type { OwnHeaders } from './dria/own-headers.js';

/**
 * An endpoint that runs may name, as a worker's operator has written it down. Runs know the name alone: where it is, and which
 * key it gets, cannot come from a run.
 */
export interface WorkerEndpoint extends RequestForm {
  /** What runs call it: letters, digits, - and _, 64 or fewer. */
  readonly name: string;
  /** Its base URL. */
  readonly baseUrl: string;
  /** Its key. Stays in this process: no argument, history, log or error has it. Default: none. */
  readonly apiKey?: string | undefined;
  /** Further headers of its requests, which may hold a key too. Default: none. */
  readonly headers?: OwnHeaders | undefined;
  /** The only models that runs may ask there. Default: all that it lists. */
  readonly models?: readonly string[] | undefined;
}

/** Opens endpoints. Throws a `TypeError` for a table that is not clear, and a `DriaError` for an address or a key that cannot be. */
export function openEndpoints(endpoints: readonly WorkerEndpoint[], connections: number): NamedEndpoints {
  const opened = new Map<string, NamedEndpoint>();
  const nameOf = new Map<string, string>();
  if (endpoints.length > MAX_ENDPOINTS) throw new TypeError(`endpoints: there are more than ${MAX_ENDPOINTS}`);
  for (const { name, baseUrl, apiKey, headers, models, body, omit, rename } of endpoints) {
    if (!ENDPOINT_NAME.test(name)) throw new TypeError(`endpoints: ${name} is no name: letters, digits, - and _ only`);
    if (opened.has(name)) throw new TypeError(`endpoints: ${name} is there twice`);
    const key = apiKey === undefined || apiKey === '' ? {} : { apiKey };
    const endpoint = Endpoint.open({ baseUrl, connections, ...key, ...(headers === undefined ? {} : { headers }) });
    const other = nameOf.get(endpoint.baseUrl);
    if (other !== undefined)
      throw new TypeError(`endpoints: ${other} and ${name} have the same base URL: give it once`);
    nameOf.set(endpoint.baseUrl, name);
    opened.set(name, { endpoint, models, form: { body, omit, rename } });
  }
  return opened;
}
