import { Command, Option } from 'commander';
import { API_KEY_FLAG } from '../api-key-flag.js';
import { ENDPOINTS_FLAG } from '../endpoints-flag.js';
import { EXIT, type Io } from '../io.js';
import { number } from '../number-option.js';
import { address, parseWorkerFlags } from '../run-flags.js';
import { addTemporalFlags } from '../temporal-flags.js';

const DESCRIPTION = `Run a worker that answers the batches of a task queue, until Ctrl-C or SIGTERM.

It serves one endpoint, with the key in DRIA_API_KEY, or each tenant with its own. When it ends it takes no new
work; requests in flight are finished, and the rest goes to other workers.`;

const EXAMPLE = `
Example:
  A worker of a cluster, with a health check and metrics:

    $ export DRIA_API_KEY=YourKey DRIA_TEMPORAL_STORAGE=s3://bucket/prefix
    $ dria-temporal worker --address temporal.example:7233 \\
        --health-address 0.0.0.0:8080 --metrics-address 0.0.0.0:9464`;

/** The command `worker`. Every flag of its own has an environment variable, as containers are set up by them. */
export function workerCommand(io: Io, onExitCode: (code: number) => void): Command {
  const command = new Command('worker')
    .summary('Run a worker')
    .description(DESCRIPTION)
    .optionsGroup('Worker:')
    .option('--base-url <url>', "OpenAI-compatible endpoint. Default: DRIA_BASE_URL, else Dria's.")
    .option(...API_KEY_FLAG)
    .option(...ENDPOINTS_FLAG)
    .addOption(
      number('--max-requests <n>', 'Maximum requests in flight on this worker.', 100).env(variable('MAX_REQUESTS')),
    )
    .addOption(
      number('--activity-slots <n>', 'Activities at once. Default: by --max-requests.').env(variable('ACTIVITY_SLOTS')),
    )
    .addOption(number('--workflow-slots <n>', 'Workflow tasks at once. Default: 40.').env(variable('WORKFLOW_SLOTS')))
    .addOption(
      number('--shutdown-grace <s>', 'Time for requests in flight at the end, seconds.', 30).env(
        variable('SHUTDOWN_GRACE'),
      ),
    )
    .addOption(
      address('--health-address <host:port>', 'Answer /healthz and /readyz here.').env(variable('HEALTH_ADDRESS')),
    )
    .addOption(
      address('--metrics-address <host:port>', 'Answer /metrics here, for Prometheus.').env(
        variable('METRICS_ADDRESS'),
      ),
    )
    .addOption(
      new Option('--webhook-hosts <hosts>', 'Hosts that runs may send webhooks to. Default: none.').env(
        variable('WEBHOOK_HOSTS'),
      ),
    )
    .addOption(
      new Option('--deployment-name <name>', 'Worker Versioning: the deployment. Needs --build-id.').env(
        'TEMPORAL_DEPLOYMENT_NAME',
      ),
    )
    .addOption(
      new Option('--build-id <id>', 'Worker Versioning: this version. Runs stay on it until they continue as new.').env(
        'TEMPORAL_WORKER_BUILD_ID',
      ),
    )
    .addOption(
      new Option('--tenants <file>', 'Serve several tenants, each with a key of its own: JSON.').env(
        variable('TENANTS'),
      ),
    )
    .addHelpText('after', EXAMPLE)
    .action(async (flags: unknown) => {
      const { runWorker } = await import('../run-worker.js');
      await runWorker(parseWorkerFlags(flags), io);
      onExitCode(EXIT.OK);
    });
  return addTemporalFlags(command);
}

function variable(name: string): string {
  return `DRIA_TEMPORAL_${name}`;
}
