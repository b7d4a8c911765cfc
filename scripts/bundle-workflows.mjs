// Builds the workflow bundles once, at build time, so that no worker spends a second on it at each start: the one that
// workers run, and one with the interceptors that traced workers need.
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';

const dist = new URL('../dist/', import.meta.url);
const file = (name) => fileURLToPath(new URL(name, dist));
await Promise.all([
  bundle('workflow-bundle.js'),
  bundle('workflow-bundle-otel.js', { workflowInterceptorModules: [file('workflows/tracing.js')] }),
]);

async function bundle(name, options = {}) {
  const { code } = await bundleWorkflowCode({
    workflowsPath: file('workflows/index.js'),
    logger: new DefaultLogger('WARN'),
    ...options,
  });
  await writeFile(file(name), code);
}
