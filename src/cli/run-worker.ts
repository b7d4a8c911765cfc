import { once } from 'node:events';
import type { WorkerEndpoint } from '../endpoints.js';
import { DEFAULT_TASK_QUEUE } from '../start-batch.js';
import type { Tenant } from '../tenants.js';
import { hostsProblem, splitHosts } from '../webhook/hosts.js';
import type { WorkerVersion } from '../worker.js';
import { baseUrlFromFlags } from './base-url.js';
import { endpointFromFlags } from './batch-request.js';
import { Cleanup } from './cleanup.js';
import { UserError } from './errors.js';
import { startHealthServer } from './health-server.js';
import type { Io } from './io.js';
import { hostAndPort, type ListenAddress, numericAddress } from './listen-address.js';
import type { LocalWorker } from './local-worker.js';
import { usablePlaces } from './places.js';
import { endpointsFromFlags } from './run-endpoints.js';
import type { WorkerFlags } from './run-flags.js';
import { openSession, type Session, tooManyRequests } from './session.js';
import { type TemporalSettings, temporalSettings } from './temporal-settings.js';
import { readTenants } from './tenants-file.js';

/** Runs `worker` until the person or the machine asks it to end. Throws when the worker cannot go on. */
export async function runWorker(flags: WorkerFlags, io: Io): Promise<void> {
  const settings = temporalSettings(flags, io.env);
  const taskQueues = taskQueuesOf(flags);
  const deployment = deploymentOf(flags);
  const tenants = await tenantsOf(flags, settings, io.env);
  const endpoints = await endpointsOf(flags, tenants, io);
  // Without a key of its own, the endpoint of runs that name none refuses them.
  const isPlain = tenants === undefined && endpoints === undefined;
  const baseUrl = (isPlain ? endpointFromFlags : baseUrlFromFlags)(flags.baseUrl, io.env);
  const webhookHosts = webhookHostsOf(flags);
  const { dataDir, storage } = await usablePlaces(flags, io.env);
  const say = (message: string): void => void io.stderr.write(`${message}\n`);
  const tooMany = tooManyRequests('--max-requests', flags.maxRequests);
  if (tooMany !== undefined) say(`warning: ${tooMany}`);
  const cleanup = new Cleanup();
  try {
    let worker: LocalWorker | undefined;
    if (flags.healthAddress !== undefined) {
      const unready = async () => (worker === undefined ? 'the worker is starting' : await worker.unready());
      const health = cleanup.add(await startHealthServer(flags.healthAddress, unready), (opened) => opened.close());
      say(`Health at http://${health.address}/readyz`);
    }
    const options = { settings, withWorker: true, dataDir, env: io.env, onStep: say, signal: io.interrupt };
    const session = cleanup.add(await openSession(options), (opened) => opened.close());
    const facts = { taskQueues, tenants, endpoints, baseUrl, storage: storage.root, deployment, webhookHosts, say };
    worker = await startWorker(session, flags, facts);
    say(`Worker for ${servedBy(facts)}; Ctrl-C ends it.`);
    if (!io.interrupt.aborted) await Promise.race([once(io.interrupt, 'abort'), worker.done]);
    say('Ending: no new work, requests in flight may finish.');
    await worker.leave();
    await worker.done;
  } finally {
    await cleanup.run();
  }
}

/** The table of `--tenants`, if there is one. */
async function tenantsOf(
  { tenants: path }: WorkerFlags,
  { kind }: TemporalSettings,
  env: NodeJS.ProcessEnv,
): Promise<readonly Tenant[] | undefined> {
  // What is empty, as a variable in a manifest may be, is absent.
  if (path === undefined || path === '') return undefined;
  if (kind === 'cluster') return await readTenants(path, env);
  throw new UserError('--tenants: the embedded server has one user', {
    exitCode: 2,
    hint: 'Give the address of a Temporal server: --address or TEMPORAL_ADDRESS.',
  });
}

/** The file of `--endpoints`, if there is one. */
async function endpointsOf(
  flags: WorkerFlags,
  tenants: readonly Tenant[] | undefined,
  io: Io,
): Promise<readonly WorkerEndpoint[] | undefined> {
  // Beside it `--base-url` is the endpoint of runs that name none.
  const file = await endpointsFromFlags({ endpoints: flags.endpoints || undefined }, io, true);
  if (file === undefined || tenants === undefined) return file?.worker;
  throw new UserError('--endpoints and --tenants are both given: each tenant has one endpoint with one key', {
    exitCode: 2,
  });
}

function servedBy({ tenants, endpoints, baseUrl, taskQueues }: WorkerFacts): string {
  if (endpoints !== undefined) {
    return `the endpoints ${endpoints.map(({ name }) => name).join(', ')} on task queue ${taskQueues.join(', ')}`;
  }
  if (tenants === undefined) return `${baseUrl} on task queue ${taskQueues.join(', ')}`;
  return `${tenants.length === 1 ? 'the tenant' : 'the tenants'} ${tenants.map(({ name }) => name).join(', ')}`;
}

/** The queues of a worker: several are separated by commas. */
function taskQueuesOf({ taskQueue }: WorkerFlags): string[] {
  const names = (taskQueue ?? DEFAULT_TASK_QUEUE).split(',').map((name) => name.trim());
  if (!names.includes('') && new Set(names).size === names.length) return names;
  throw new UserError(`--task-queue: ${taskQueue} has an empty name or the same one twice`, { exitCode: 2 });
}

/** The version of the workers: both of its parts, or neither. */
function deploymentOf({ deploymentName, buildId }: WorkerFlags): WorkerVersion | undefined {
  if (deploymentName === undefined && buildId === undefined) return undefined;
  if (deploymentName !== undefined && buildId !== undefined) return { deploymentName, buildId };
  const [given, missing] =
    buildId === undefined ? ['--deployment-name', '--build-id'] : ['--build-id', '--deployment-name'];
  throw new UserError(`${given} needs ${missing}`, {
    exitCode: 2,
    hint: 'Worker Versioning takes both: TEMPORAL_DEPLOYMENT_NAME and TEMPORAL_WORKER_BUILD_ID.',
  });
}

/** The hosts that runs may send webhooks to; undefined if the flag does not say. */
function webhookHostsOf({ webhookHosts: text }: WorkerFlags): string[] | undefined {
  const hosts = text === undefined ? undefined : splitHosts(text);
  const problem = hosts === undefined ? undefined : hostsProblem(hosts);
  if (problem === undefined) return hosts;
  throw new UserError(`--webhook-hosts: ${problem}`, { exitCode: 2 });
}

interface WorkerFacts {
  readonly taskQueues: readonly string[];
  readonly tenants: readonly Tenant[] | undefined;
  readonly endpoints: readonly WorkerEndpoint[] | undefined;
  readonly baseUrl: string;
  readonly storage: string;
  readonly deployment: WorkerVersion | undefined;
  readonly webhookHosts: readonly string[] | undefined;
  readonly say: (message: string) => void;
}

async function startWorker(
  session: Session,
  { maxRequests, activitySlots, workflowSlots, shutdownGrace, metricsAddress }: WorkerFlags,
  { say, ...facts }: WorkerFacts,
): Promise<LocalWorker> {
  return await session.startWorker({
    ...facts,
    shared: true,
    maxRequests,
    activitySlots,
    workflowSlots,
    shutdownGraceMs: shutdownGrace * 1000,
    metricsAddress: metricsAddress === undefined ? undefined : await metricsSocket(metricsAddress),
    onLog: say,
  });
}

/** Where the SDK serves metrics: it looks no names up. */
async function metricsSocket(address: ListenAddress): Promise<string> {
  try {
    return await numericAddress(address);
  } catch (error) {
    const where = hostAndPort(address);
    throw new UserError(`--metrics-address: cannot listen on ${where}`, { exitCode: 2, cause: error });
  }
}
