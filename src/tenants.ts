import { ApplicationFailure } from '@temporalio/common';
import type { StorageOption } from './storage-option.js';
import type { WebhookHosts } from './webhook/hosts.js';

/** Whose runs a worker serves with which key. */
export interface Tenant {
  /** For messages. */
  readonly name: string;
  /** Namespaces whose runs use this key. Default: every namespace that the plugin has workers in. */
  readonly namespaces?: readonly string[];
  /** Task queues whose runs use this key. Default: every one that the plugin has workers on. */
  readonly taskQueues?: readonly string[];
  /** The endpoint's key. Stays in this process: no argument, history, log or error has it. */
  readonly apiKey: string;
  /** The endpoint's base URL. Default: the plugin's. */
  readonly baseUrl?: string | undefined;
  /** Where the tenant's run directories are. Default: the plugin's. */
  readonly storage?: StorageOption | undefined;
  /** The tenant's own secret for webhooks, `whsec_…`. Default: none, so that nothing is sent for its runs. */
  readonly webhookSecret?: string | undefined;
  /** Hosts that webhooks of the tenant's runs may go to. Default: the plugin's. */
  readonly webhookHosts?: WebhookHosts | undefined;
}

/** Where an activity runs, by what the server and the worker's own options say of it; nothing of it comes from a run. */
export interface Place {
  readonly namespace: string;
  readonly taskQueue: string;
}

/** Checks a table of tenants. Throws a `TypeError` for an entry that anybody could use, or a place that has two. */
export function checkTenants(tenants: readonly Tenant[]): void {
  const names = new Set<string>();
  for (const { name, namespaces = [], taskQueues = [] } of tenants) {
    if (names.has(name)) throw new TypeError(`tenants: ${name} is there twice`);
    names.add(name);
    if (namespaces.length + taskQueues.length === 0) {
      throw new TypeError(`tenants: ${name} names no namespaces and no taskQueues: any run could use its key`);
    }
  }
  for (const [at, one] of tenants.entries()) {
    const other = tenants.slice(at + 1).find((later) => overlap(one, later));
    if (other !== undefined) {
      throw new TypeError(
        `tenants: ${one.name} and ${other.name} share a namespace and a task queue: which key is meant?`,
      );
    }
  }
}

/** Returns the tenant of a place. Fails with `WrongEndpoint` where there is none: no other key is used instead. */
export function tenantAt(tenants: readonly Tenant[], { namespace, taskQueue }: Place): Tenant {
  const found = tenants.find(
    ({ namespaces, taskQueues }) =>
      (namespaces?.includes(namespace) ?? true) && (taskQueues?.includes(taskQueue) ?? true),
  );
  if (found !== undefined) return found;
  throw ApplicationFailure.nonRetryable(
    `this worker has no tenant for the namespace ${namespace} and the task queue ${taskQueue}: its operator adds one`,
    'WrongEndpoint',
  );
}

/** Returns where runs of tenants come from, each place once; `own` are the places of a tenant that names none of its own. */
export function placesOfTenants(tenants: readonly Tenant[], own: readonly Place[]): Place[] {
  const places = tenants.flatMap(({ namespaces, taskQueues }) =>
    (namespaces ?? own.map(({ namespace }) => namespace)).flatMap((namespace) =>
      (taskQueues ?? own.map(({ taskQueue }) => taskQueue)).map((taskQueue) => ({ namespace, taskQueue })),
    ),
  );
  return [...new Map(places.map((place) => [JSON.stringify(place), place])).values()];
}

function overlap(one: Tenant, other: Tenant): boolean {
  return shares(one.namespaces, other.namespaces) && shares(one.taskQueues, other.taskQueues);
}

/** An empty list is nobody; none is everybody. */
function shares(one: readonly string[] | undefined, other: readonly string[] | undefined): boolean {
  if (one === undefined || other === undefined) return true;
  return one.some((name) => other.includes(name));
}
