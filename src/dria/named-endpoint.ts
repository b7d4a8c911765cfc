import type { RequestForm } from '../batch/request-form.js';
import type { Endpoint } from './endpoint.js';

/** An endpoint that a worker's operator has written down under a name. */
export interface NamedEndpoint {
  readonly endpoint: Endpoint;
  /** The only models that runs may ask there. Absent: all. */
  readonly models?: readonly string[] | undefined;
  /** What requests to it have otherwise than usual; what a run or an item says goes before it. */
  readonly form?: RequestForm | undefined;
}

/** A worker's endpoints by their names. */
export type NamedEndpoints = ReadonlyMap<string, NamedEndpoint>;
