import { setImmediate } from 'node:timers/promises';
import type { BatchClient } from '../client.js';
import { affordableRequests, maxOpenFiles } from '../dria/open-files.js';
import { type EmbeddedServer, joinEmbeddedServer } from '../embedded/join.js';
import { joinIfRunning } from '../embedded/running.js';
import { UserError } from './errors.js';
import type { LocalWorker, LocalWorkerOptions } from './local-worker.js';
import type { TemporalSettings } from './temporal-settings.js';

/** How long a server may take to answer the first time, ms: with the start of a busy machine's process under 10 s. */
const CONNECT_MS = 6_000;

/** Longest pause between two attempts to connect again to a server that is away, ms. */
const RECONNECT_MS = 5_000;

/** A command's connection to Temporal. */
export interface Session {
  readonly batches: BatchClient;
  /** True on the server of this machine, where a run goes on only while some command runs a worker for it. */
  readonly embedded: boolean;
  /** Where a run is in the Web UI; undefined where we cannot know. */
  uiUrl(runId: string): string | undefined;
  /** Runs a worker in this process. */
  startWorker(options: LocalWorkerOptions): Promise<LocalWorker>;
  /** Leaves the server. */
  close(): Promise<void>;
}

/** How to open a session. */
export interface SessionOptions {
  readonly settings: TemporalSettings;
  readonly dataDir: string;
  readonly env: NodeJS.ProcessEnv;
  /** A worker will run in this process: its code is loaded while the server starts. */
  readonly withWorker: boolean;
  /** One line per step worth telling. */
  readonly onStep: (message: string) => void;
  readonly signal: AbortSignal;
}

/** Connects to the server that is meant; starts the embedded one when that is it. */
export async function openSession(options: SessionOptions): Promise<Session> {
  if (options.withWorker) checkFiles();
  // Loading the SDK takes as long as starting the server: both at once. Loading holds this thread, so that the server's
  // keeper must have been launched before.
  const joining = joinServer(options);
  joining?.catch(() => undefined);
  await setImmediate();
  const [server] = await Promise.all([
    joining,
    import('../client.js'),
    options.withWorker ? import('./local-worker.js') : undefined,
    options.withWorker ? import('../telemetry/asked.js').then((asked) => asked.loadTelemetry(options.env)) : undefined,
  ]);
  try {
    return await connect(options.settings, server, options.env);
  } catch (error) {
    await server?.leave();
    throw error;
  }
}

/** Throws a `UserError` for a process that may not open the files that a worker needs. */
function checkFiles(): void {
  if (affordableRequests() > 0) return;
  throw new UserError(`this process may open ${maxOpenFiles()} files only, which is too few for a worker`, {
    exitCode: 1,
    hint: 'Raise the limit first: ulimit -n 1024',
  });
}

/** Returns a warning of more requests than this process may open files for; undefined if it may. */
export function tooManyRequests(flag: string, requests: number): string | undefined {
  const affordable = affordableRequests();
  if (requests <= affordable) return undefined;
  return `${flag} ${requests}: only ${affordable} requests are in flight at once, since this process may open ${maxOpenFiles()} files (ulimit -n)`;
}

/**
 * A session for who only wants a quick look: undefined when no server answers within `withinMs`. Starts and installs
 * nothing, says nothing and never throws.
 */
export async function openSessionIfUp(
  { settings, dataDir }: Pick<SessionOptions, 'settings' | 'dataDir'>,
  withinMs: number,
): Promise<Session | undefined> {
  const signal = AbortSignal.timeout(withinMs);
  let server: EmbeddedServer | undefined;
  try {
    if (settings.kind === 'embedded') {
      server = await joinIfRunning(dataDir, signal);
      if (server === undefined) return undefined;
    }
    return await connect(settings, server, {}, withinMs);
  } catch {
    await server?.leave();
    return undefined;
  }
}

function joinServer({ settings, ...options }: SessionOptions): Promise<EmbeddedServer> | undefined {
  return settings.kind === 'embedded' ? joinEmbeddedServer(options) : undefined;
}

async function connect(
  settings: TemporalSettings,
  server: EmbeddedServer | undefined,
  { DRIA_API_KEY: apiKey }: NodeJS.ProcessEnv,
  connectTimeout = settings.connectTimeoutMs ?? CONNECT_MS,
): Promise<Session> {
  const [{ Client }, { openConnection }, { BatchClient }] = await Promise.all([
    import('@temporalio/client'),
    import('./temporal-connection.js'),
    import('../client.js'),
  ]);
  const address = settings.kind === 'embedded' ? (server?.address ?? '') : settings.address;
  const namespace = settings.kind === 'embedded' ? 'default' : settings.namespace;
  const options = settings.kind === 'embedded' ? { address } : { ...settings.options, address };
  const { identity } = settings;
  const dataConverter = await converterOf(settings, namespace);
  const opened = await openConnection({ ...clientOptions(options), connectTimeout }).catch((error: unknown) => {
    throw unreachable(address, error);
  });
  const { connection } = opened;
  const client = new Client({
    connection,
    namespace,
    ...(dataConverter === undefined ? {} : { dataConverter }),
    ...(identity === undefined ? {} : { identity }),
  });
  return {
    batches: new BatchClient(client),
    embedded: settings.kind === 'embedded',
    uiUrl: (runId) => uiUrl(server, settings, namespace, runId),
    startWorker: async (worker) => {
      const { startLocalWorker } = await import('./local-worker.js');
      // Every user of this machine can reach the embedded server.
      const stagedOnly = settings.kind === 'embedded';
      const ofOthers = (name: string) => (name === namespace ? dataConverter : converterOf(settings, name));
      const server = { connection: options, namespace, identity, stagedOnly, apiKey };
      return await startLocalWorker({ ...worker, ...server, converterOf: async (name) => await ofOthers(name) });
    },
    close: async () => {
      await opened.close();
      await server?.leave();
    },
  };
}

/** Loaded if one is asked for: most have none, and a command should start soon. */
async function converterOf(
  { converter }: TemporalSettings,
  namespace: string,
): Promise<import('@temporalio/common').DataConverter | undefined> {
  if (converter.module === undefined && converter.codec === undefined) return undefined;
  const { loadDataConverter } = await import('./data-converter.js');
  return await loadDataConverter(converter, namespace);
}

type ConnectionOptions = import('@temporalio/worker').NativeConnectionOptions;

function clientOptions(options: ConnectionOptions): import('@temporalio/client').ConnectionOptions {
  const { address, apiKey, tls, metadata } = options;
  return {
    ...(address === undefined ? {} : { address }),
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(tls === undefined ? {} : { tls }),
    ...(metadata === undefined ? {} : { metadata }),
    // A server that was away for hours is found soon after it is back: gRPC's own pauses grow to two minutes.
    channelArgs: { 'grpc.max_reconnect_backoff_ms': RECONNECT_MS },
  };
}

function unreachable(address: string, cause: unknown): UserError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new UserError(`no Temporal server answers at ${address}: ${reason}`, {
    exitCode: 1,
    hint: 'Check --address, TEMPORAL_ADDRESS and the profile; without any of them the embedded server is used.',
    cause,
  });
}

function uiUrl(
  server: EmbeddedServer | undefined,
  settings: TemporalSettings,
  namespace: string,
  runId: string,
): string | undefined {
  const path = `/namespaces/${encodeURIComponent(namespace)}/workflows/${encodeURIComponent(runId)}`;
  if (server !== undefined) return `${server.uiUrl}${path}`;
  if (settings.kind === 'cluster' && settings.address.includes('.tmprl.cloud'))
    return `https://cloud.temporal.io${path}`;
  return undefined;
}
