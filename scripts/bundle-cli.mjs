// Bundles the command line with the packages that it loads at its start into dist/bundle/: Node finds, reads and compiles
// the 800 files of the Temporal SDK and the others in 0.5 s, and the bundle in a third of that. What is exported for other
// people's programs is not bundled.
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { packageOf, writeLicenses } from './licenses.mjs';

const dist = fileURLToPath(new URL('../dist/', import.meta.url));
const out = join(dist, 'bundle');
const protoRequire = createRequire(createRequire(import.meta.url).resolve('@temporalio/proto'));
const worker = dirname(createRequire(import.meta.url).resolve('@temporalio/worker'));

/** Loaded only by runs that ask for what they do. */
const EXTERNAL =
  /^(@aws-sdk|@smithy|@opentelemetry|ajv|ajv-formats|csv-parse|file-type|fzstd|hyparquet|hyparquet-compressors|hyparquet-writer|picomatch|tinyglobby)(\/|$)/;

/** Resolves a dependency of the SDK's worker package as that package does. */
const workerRequire = `require('node:module').createRequire(require.resolve('@temporalio/worker'))`;

/** Modules that the bundle has in other words, by the end of their path: what they do is not done here. */
const REPLACED = {
  // Bundles workflows with webpack, of its own package: ours are bundled when the package is built, but for a converter.
  '@temporalio/worker/lib/workflow/bundler.js': `
    module.exports = {
      defaultWorkflowInterceptorModules: [],
      get WorkflowCodeBundler() { return ${workerRequire}('./workflow/bundler').WorkflowCodeBundler; },
    };`,
  '@temporalio/worker/lib/debug-replayer/index.js': 'module.exports = { startDebugReplayer() {} };',
};

/** Changes of modules, by the end of their path: what to look for, which must be there, and what takes its place. */
const PATCHED = {
  // Files beside the module, which the bundle finds elsewhere.
  '@temporalio/worker/lib/workflow/threaded-vm.js': [
    /'\.\/workflow-worker-thread'/g,
    () => "'../cli/workflow-thread.js'",
  ],
  '@temporalio/core-bridge/common.js': [
    /__dirname/g,
    () => `require('node:path').dirname(${workerRequire}.resolve('@temporalio/core-bridge'))`,
  ],
  '@temporalio/proto/protos/json-module.js': [/(?<=\.addJSON\()\{.*\}(?=\);)/s, usedMessages],
};

const packages = new Set();

const plugin = {
  name: 'command-line',
  resolveId(id, importer) {
    // It reads a WebAssembly file beside itself.
    if (id === 'source-map') return '\0source-map';
    // npm installs a copy for each package of the SDK, and External Storage fails at messages of another copy.
    return /^protobufjs(\/|$)/.test(id) && importer?.includes('/@temporalio/') ? protoRequire.resolve(id) : undefined;
  },
  load(id) {
    if (id === '\0source-map') return `module.exports = ${workerRequire}('source-map');`;
    return Object.entries(REPLACED).find(([end]) => id.endsWith(end))?.[1];
  },
  transform(code, id) {
    const folder = packageOf(id);
    if (folder !== undefined) packages.add(folder);
    const [end, [from, to] = []] = Object.entries(PATCHED).find(([end]) => id.endsWith(end)) ?? [];
    if (end !== undefined) {
      const changed = code.replace(from, to);
      if (changed === code) throw new Error(`${end} has no ${from}: look whether the bundle still fits it`);
      return changed;
    }
    if (!id.startsWith(dist) || !code.includes('import.meta.url')) return undefined;
    const own = `new URL(${JSON.stringify(relative(out, id))}, require('node:url').pathToFileURL(__filename)).href`;
    return code.replaceAll('import.meta.url', own);
  },
};

await rm(out, { recursive: true, force: true });
const bundle = await rolldown({
  input: {
    'command-line': join(dist, 'cli/command-line.js'),
    'workflow-thread': join(worker, 'workflow/workflow-worker-thread.js'),
  },
  platform: 'node',
  external: (id) => EXTERNAL.test(id),
  plugins: [plugin],
  checks: { ineffectiveDynamicImport: false },
});
await bundle.write({
  dir: out,
  format: 'cjs',
  // V8 compares only the length of a source with that of the code it has kept: a name must belong to one content.
  entryFileNames: '[name]-[hash].cjs',
  chunkFileNames: '[name]-[hash].cjs',
});
await bundle.close();
for (const file of await readdir(out)) await finish(join(out, file));
await inlineProfiles();
await writeLicenses(out, packages);

/**
 * The protobuf messages of the SDK without a quarter that nothing here sends: the control plane of Temporal Cloud, and
 * what describes HTTP gateways. As text for `JSON.parse`, which is faster than the same in JavaScript.
 */
function usedMessages(json) {
  const { temporal, grpc, ...others } = JSON.parse(json);
  const { cloud: _cloud, ...api } = temporal.nested.api.nested;
  const { gateway: _gateway, ...grpcPackages } = grpc.nested;
  const used = {
    ...others,
    temporal: { ...temporal, nested: { ...temporal.nested, api: { ...temporal.nested.api, nested: api } } },
    grpc: { ...grpc, nested: grpcPackages },
  };
  return `JSON.parse(${JSON.stringify(JSON.stringify(used))})`;
}

/**
 * Escapes what is not ASCII, which stands in texts, patterns and comments: ASCII is read faster. And names the function
 * that imports packages and modules, which src/cli/code-cache.ts gives to each chunk.
 */
async function finish(file) {
  const code = await readFile(file, 'utf8');
  const escaped = (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  await writeFile(file, code.replace(/[^\0-\x7f]/g, escaped).replace(/\bimport\((?=["'a-z])/g, 'importModule('));
}

/**
 * Puts the reader of Temporal's profiles into the one file that needs it, for an SDK that the bundle does not fit: as a
 * dependency it would bring its own copy of the SDK's common package.
 */
async function inlineProfiles() {
  const file = join(dist, 'cli/temporal-settings.js');
  const inlined = await rolldown({
    input: file,
    platform: 'node',
    external: (id, from) =>
      from === file ? !id.includes('@temporalio/envconfig') : /^@temporalio\/(?!envconfig)/.test(id),
  });
  await inlined.write({ file, format: 'esm' });
  await inlined.close();
}
