import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { temporalProgram } from '../embedded/processes-of-test.js';
import { ROOT } from '../support/build.js';
import { freePortsFrom } from '../support/free-ports.js';
import { until } from '../support/until.js';
import { Service } from './service.js';

const programsSchema = z.object({ server: z.string(), sqlTool: z.string(), schemas: z.string() });

/** The Temporal server as it runs in production: its own program, on PostgreSQL, set up by the scripts of `deploy/`. */
export class TemporalCluster {
  private constructor(
    private readonly program: string,
    private readonly folder: string,
    readonly address: string,
    private service: Service,
  ) {}

  static async start(folder: string, postgresPort: number): Promise<TemporalCluster> {
    const installer = join(ROOT, 'scripts/install-temporal-server.mjs');
    const output = execFileSync(process.execPath, [installer], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const { server, sqlTool, schemas } = programsSchema.parse(JSON.parse(output));
    deploy('setup-schema.sh', {
      SQL_TOOL: sqlTool,
      SCHEMAS: schemas,
      SQL_PLUGIN: 'postgres12',
      SQL_HOST: '127.0.0.1',
      SQL_PORT: String(postgresPort),
      SQL_USER: 'temporal',
      SQL_PASSWORD: 'temporal',
    });
    const frontend = await writeConfig(folder, postgresPort);
    const address = `127.0.0.1:${frontend}`;
    const cluster = new TemporalCluster(server, folder, address, run(server, folder));
    await cluster.answers();
    const PATH = `${dirname(await temporalProgram())}:${process.env.PATH}`;
    deploy('create-namespace.sh', { PATH, TEMPORAL_ADDRESS: address });
    return cluster;
  }

  /** Waits until the frontend listens. Fails with the end of the server's log when it has ended instead. */
  private async answers(): Promise<void> {
    const [host = '', port = ''] = this.address.split(':');
    await until(
      'the Temporal server listens',
      async () => {
        if (!this.service.isRunning) throw new Error(this.service.log.slice(-4000));
        return await canConnect(host, Number(port));
      },
      60_000,
    );
  }

  /** `kill -9`, and a new process on the same database. */
  async crash(): Promise<void> {
    await this.service.end('SIGKILL');
    this.service = run(this.program, this.folder);
  }

  async close(): Promise<void> {
    await this.service.end('SIGKILL');
  }
}

async function canConnect(host: string, port: number): Promise<boolean> {
  const socket = connect(port, host);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

function run(program: string, folder: string): Service {
  const args = ['--root', folder, '--config', 'config', '--env', 'cluster', 'start'];
  return new Service(program, args, join(folder, 'temporal.log'));
}

function deploy(script: string, env: NodeJS.ProcessEnv): void {
  const path = join(ROOT, 'deploy/temporal', script);
  execFileSync('/bin/sh', [path], { env: { ...process.env, ...env }, stdio: 'pipe', timeout: 300_000 });
}

/** Writes the server's configuration. Returns the frontend's port. JSON is YAML. */
async function writeConfig(folder: string, postgresPort: number): Promise<number> {
  // The server keeps its ports in PostgreSQL as smallint: 32,767 at most.
  const ports = await freePortsFrom(23_000, 8);
  const names = ['frontend', 'history', 'matching', 'worker'];
  const services = names.map((name, at) => {
    const [grpcPort, membershipPort] = ports.slice(2 * at);
    return [name, { rpc: { grpcPort, membershipPort, bindOnLocalHost: true } }] as const;
  });
  const [frontend = 0] = ports;
  const config = {
    log: { stdout: true, level: 'warn' },
    persistence: {
      defaultStore: 'default',
      visibilityStore: 'visibility',
      numHistoryShards: 4,
      datastores: {
        default: { sql: store('temporal', postgresPort) },
        visibility: { sql: store('temporal_visibility', postgresPort) },
      },
    },
    global: { membership: { maxJoinDuration: '30s', broadcastAddress: '127.0.0.1' } },
    services: Object.fromEntries(services),
    clusterMetadata: {
      enableGlobalNamespace: false,
      failoverVersionIncrement: 10,
      masterClusterName: 'active',
      currentClusterName: 'active',
      clusterInformation: {
        active: {
          enabled: true,
          initialFailoverVersion: 1,
          rpcName: 'frontend',
          rpcAddress: `127.0.0.1:${frontend}`,
        },
      },
    },
    dcRedirectionPolicy: { policy: 'noop' },
    publicClient: { hostPort: `127.0.0.1:${frontend}` },
    dynamicConfigClient: { filepath: join(ROOT, 'deploy/temporal/dynamic-config.yaml'), pollInterval: '10s' },
  };
  mkdirSync(join(folder, 'config'));
  writeFileSync(join(folder, 'config/cluster.yaml'), JSON.stringify(config, undefined, 2));
  return frontend;
}

function store(databaseName: string, port: number): object {
  return {
    pluginName: 'postgres12',
    databaseName,
    connectAddr: `127.0.0.1:${port}`,
    connectProtocol: 'tcp',
    user: 'temporal',
    password: 'temporal',
    maxConns: 20,
    maxIdleConns: 20,
    maxConnLifetime: '1h',
  };
}
