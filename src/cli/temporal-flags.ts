import { type Command, Option } from 'commander';
import { z } from 'zod';
import { UserError } from './errors.js';

/** Flags that say where runs are kept. */
export const placeFlagsSchema = z.object({ dataDir: z.string().optional(), storage: z.string().optional() });
export type PlaceFlags = z.infer<typeof placeFlagsSchema>;

/** Values of a flag that may be given several times; completion has read one of them. */
const several = z.preprocess((value) => (typeof value === 'string' ? [value] : value), z.array(z.string()).default([]));

/** Flags that say which Temporal server is meant, named as the `temporal` CLI names them. */
export const temporalFlagsSchema = z.object({
  address: z.string().optional(),
  namespace: z.string().optional(),
  taskQueue: z.string().optional(),
  profile: z.string().optional(),
  configFile: z.string().optional(),
  disableConfigFile: z.boolean().optional(),
  disableConfigEnv: z.boolean().optional(),
  apiKey: z.string().optional(),
  grpcMeta: several,
  tls: z.boolean().optional(),
  tlsCertPath: z.string().optional(),
  tlsCertData: z.string().optional(),
  tlsKeyPath: z.string().optional(),
  tlsKeyData: z.string().optional(),
  tlsCaPath: z.string().optional(),
  tlsCaData: z.string().optional(),
  tlsServerName: z.string().optional(),
  tlsDisableHostVerification: z.boolean().optional(),
  clientAuthority: z.string().optional(),
  clientConnectTimeout: z.string().optional(),
  identity: z.string().optional(),
  codecEndpoint: z.string().optional(),
  codecAuth: z.string().optional(),
  codecHeader: several,
  dataConverter: z.string().optional(),
  ...placeFlagsSchema.shape,
});
export type TemporalFlags = z.infer<typeof temporalFlagsSchema>;

/** Adds the flags that every command which talks to Temporal has. */
export function addTemporalFlags(command: Command): Command {
  return addPlaceFlags(addRareFlags(addServerFlags(command.optionsGroup('Temporal server:'))));
}

function addServerFlags(command: Command): Command {
  return command
    .option(
      '--address <host:port>',
      'Temporal server. Without it, and without TEMPORAL_ADDRESS or a profile: embedded.',
    )
    .option('-n, --namespace <name>', 'Temporal namespace. Default: default.')
    .addOption(
      new Option('-t, --task-queue <name>', 'Task queue of the workers. Default: dria-batch; embedded: one a run.').env(
        'DRIA_TEMPORAL_TASK_QUEUE',
      ),
    )
    .option('--profile <name>', 'Profile in temporal.toml.')
    .option('--config-file <path>', 'Another temporal.toml.')
    .option('--api-key <key>', 'API key. Better in TEMPORAL_API_KEY: others see arguments.')
    .option('--grpc-meta <key=value>', 'Header of requests to the server. Repeatable.', collect)
    .option('--tls', 'Connect with TLS.')
    .option('--tls-cert-path <path>', 'Client certificate, for mTLS.')
    .option('--tls-key-path <path>', 'Key of the client certificate.')
    .option('--tls-ca-path <path>', 'CA certificate of the server.')
    .option('--tls-server-name <name>', "Name in the server's certificate.")
    .option('--codec-endpoint <url>', 'Codec server that encodes and decodes payloads.')
    .option('--codec-auth <value>', 'Authorization header for the codec server.')
    .option('--codec-header <key=value>', 'Header for the codec server. Repeatable.', collect)
    .option('--data-converter <module>', 'Module that exports dataConverter, as workers have it.');
}

/** Adds what `temporal` passes to its extensions beside that, and few need. */
function addRareFlags(command: Command): Command {
  for (const flag of [
    '--no-tls',
    '--tls-cert-data <pem>',
    '--tls-key-data <pem>',
    '--tls-ca-data <pem>',
    '--tls-disable-host-verification',
    '--client-authority <name>',
    '--client-connect-timeout <time>',
    '--identity <name>',
    '--disable-config-file',
    '--disable-config-env',
  ]) {
    command.addOption(new Option(flag).hideHelp());
  }
  return command;
}

/** Collects the values of a flag that may be given several times. */
export function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}

/** Throws a `UserError` for several task queues, or none, where one run is meant: no worker would serve such a name. */
export function checkTaskQueue({ taskQueue }: TemporalFlags): void {
  if (taskQueue === undefined || (taskQueue.trim() !== '' && !taskQueue.includes(','))) return;
  throw new UserError(`--task-queue: "${taskQueue}" is not the name of one queue`, {
    exitCode: 2,
    hint: 'A run has one: give it by --task-queue, or in DRIA_TEMPORAL_TASK_QUEUE. Only `worker` takes several.',
  });
}

/** Adds the flags that say where runs are kept. */
export function addPlaceFlags(command: Command): Command {
  return command
    .option('--data-dir <folder>', 'Runs and embedded server. Default: DRIA_TEMPORAL_HOME.')
    .option('--storage <root>', 'Runs, a folder or s3://bucket/prefix. Default: the data dir.');
}
