import { Context } from '@temporalio/activity';
import { SharedRuns } from './activities/shared-runs.js';
import type { Endpoint } from './dria/endpoint.js';
import type { NamedEndpoints } from './dria/named-endpoint.js';
import type { Storage } from './storage/storage.js';
import type { ChunkLogs } from './store/chunk-logs.js';
import { checkTenants, type Tenant, tenantAt } from './tenants.js';
import type { Webhooks } from './webhook/webhooks.js';

/** What requests may go to. */
interface ServedEndpoints {
  readonly endpoint: Endpoint;
  readonly endpoints: NamedEndpoints;
}

/** What the runs of one tenant are served with. */
export class Served {
  /** Runs of two tenants may have the same id. */
  readonly runs = new SharedRuns();
  private opened: ServedEndpoints | undefined;

  constructor(
    private readonly open: () => ServedEndpoints,
    readonly storage: Storage,
    readonly logs: ChunkLogs,
    readonly webhooks: Webhooks,
    /** The tenant's name; absent without tenants. */
    readonly tenant?: string,
  ) {
    // At once, so that a base URL or a key that cannot be is refused here.
    this.opened = open();
  }

  /** The endpoint of runs that name none. */
  get endpoint(): Endpoint {
    return this.all.endpoint;
  }

  /** The endpoints that runs may name. */
  get endpoints(): NamedEndpoints {
    return this.all.endpoints;
  }

  private get all(): ServedEndpoints {
    this.opened ??= this.open();
    return this.opened;
  }

  /** Closes what its workers have shared; what comes later opens it anew. */
  async close(): Promise<void> {
    const { opened } = this;
    this.opened = undefined;
    const named = [...(opened?.endpoints.values() ?? [])].map(({ endpoint }) => endpoint.close());
    await Promise.all([opened?.endpoint.close(), ...named, this.logs.close()]);
  }
}

/** Whatever the activity that asks is served with. */
export interface ServedPlaces {
  here(): Served;
  close(): Promise<void>;
}

/** Serves every run with the same. */
export function oneServed(served: Served): ServedPlaces {
  return { here: () => served, close: () => served.close() };
}

/** Serves each run by its tenant. */
export class ServedTenants implements ServedPlaces {
  private readonly served = new Map<string, Served>();

  /** Throws a `TypeError` for a table that is not clear. */
  constructor(
    private readonly tenants: readonly Tenant[],
    open: (tenant: Tenant) => Served,
  ) {
    checkTenants(tenants);
    for (const tenant of tenants) this.served.set(tenant.name, open(tenant));
  }

  here(): Served {
    const { workflowNamespace, namespace = workflowNamespace, taskQueue } = Context.current().info;
    const { name } = tenantAt(this.tenants, { namespace: namespace ?? '', taskQueue });
    const served = this.served.get(name);
    if (served === undefined) throw new Error(`the tenant ${name} is not open`);
    return served;
  }

  async close(): Promise<void> {
    await Promise.all([...this.served.values()].map((served) => served.close()));
  }
}
