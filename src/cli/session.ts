import type { BatchClient } from '../client.js';
import { type EmbeddedServer, joinEmbeddedServer } from '../embedded/join.js';
import { joinIfRunning } from '../embedded/running.js';
import { UserError } from './errors.js';
import type { LocalWorker, LocalWorkerOptions } from './local-worker.js';
import type { TemporalSettings } from './temporal-settings.js';

/** How long a server may take to answer the first time, ms: with the start of a busy machine's process under 10 s. */
const CONNECT_MS = 6_000;

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
  // Loading the SDK takes longer than starting the server: both at once.
  const [server] = await Promise.all([
    joinServer(options),
    import('../client.js'),
    options.withWorker ? import('./local-worker.js') : undefined,
    options.withWorker ? import('../telemetry/asked.js').then((asked) => asked.loadTelemetry(options.env)) : undefined,
  ]);
  try {
    return await connect(options.settings, server);
  } catch (error) {
    await server?.leave();
    throw error;
  }
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
    return await connect(settings, server, withinMs);
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
  connectTimeout = CONNECT_MS,
): Promise<Session> {
  const [{ Client, Connection }, { BatchClient }] = await Promise.all([
    import('@temporalio/client'),
    import('../client.js'),
  ]);
  const address = settings.kind === 'embedded' ? (server?.address ?? '') : settings.address;
  const namespace = settings.kind === 'embedded' ? 'default' : settings.namespace;
  const options = settings.kind === 'embedded' ? { address } : { ...settings.options, address };
  const connection = await Connection.connect({ ...clientOptions(options), connectTimeout }).catch((error: unknown) => {
    throw unreachable(address, error);
  });
  return {
    batches: new BatchClient(new Client({ connection, namespace })),
    embedded: settings.kind === 'embedded',
    uiUrl: (runId) => uiUrl(server, settings, namespace, runId),
    startWorker: async (worker) => {
      const { startLocalWorker } = await import('./local-worker.js');
      return await startLocalWorker({ connection: options, namespace, ...worker });
    },
    close: async () => {
      await connection.close();
      await server?.leave();
    },
  };
}

type ConnectionOptions = import('@temporalio/worker').NativeConnectionOptions;

function clientOptions(options: ConnectionOptions): import('@temporalio/client').ConnectionOptions {
  const { address, apiKey, tls, metadata } = options;
  return {
    ...(address === undefined ? {} : { address }),
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(tls === undefined ? {} : { tls }),
    ...(metadata === undefined ? {} : { metadata }),
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
