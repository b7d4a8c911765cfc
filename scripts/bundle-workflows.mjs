// Builds the workflow bundles once, at build time, so that no worker spends a second on it at each start: the one that
// workers run, and one with the interceptors that traced workers need.
import { readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';

const dist = new URL('../dist/', import.meta.url);
const file = (name) => fileURLToPath(new URL(name, dist));
const SIGNALS = file('workflows/readable-signals.js');
await Promise.all([
  bundle('workflow-bundle.js', [SIGNALS]),
  bundle('workflow-bundle-otel.js', [SIGNALS, file('workflows/tracing.js')]),
]);

// Bundles run with this version of the SDK only: see src/built-sdk.ts.
const sdk = createRequire(import.meta.url).resolve('@temporalio/worker/package.json');
const { version } = JSON.parse(await readFile(sdk, 'utf8'));
await writeFile(file('sdk-version.json'), JSON.stringify({ version }));

async function bundle(name, workflowInterceptorModules) {
  const { code } = await bundleWorkflowCode({
    workflowsPath: file('workflows/index.js'),
    logger: new DefaultLogger('WARN'),
    workflowInterceptorModules,
  });
  await writeFile(file(name), withoutSources(code));
}

/** Drops the texts of the sources from the inline source map: stack traces need positions only, and every start reads it. */
function withoutSources(code) {
  const [before, map] = code.split(
    /(?<=\n\/\/# sourceMappingURL=data:application\/json;charset=utf-8;base64,)(?=[^\n]+$)/,
  );
  if (map === undefined) throw new Error('the workflow bundle has no source map at its end');
  const { sourcesContent: _texts, ...positions } = JSON.parse(Buffer.from(map, 'base64').toString());
  return before + Buffer.from(JSON.stringify(positions)).toString('base64');
}
