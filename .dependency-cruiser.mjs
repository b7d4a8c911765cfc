/** Where what runs on a worker stands; the command line and telemetry come on top. */
const BELOW = ['batch', 'dria', 'formats', 'input', 'storage', 'store', 'webhook'];

/**
 * What may import what in src/, types included: for each room the other rooms, the packages (with `/` at the end: a whole
 * scope) and Node's modules that its files may import. All else is refused. A room that may use Node may also import the
 * files of the room `.`, src/ itself, that import nothing.
 */
const ROOMS = {
  batch: { packages: ['zod'] },
  workflows: { rooms: ['batch'], packages: ['@temporalio/workflow', '@temporalio/common'] },
  storage: { node: true, packages: ['@aws-sdk/', '@smithy/core'] },
  input: {
    rooms: ['batch'],
    node: true,
    packages: ['csv-parse', 'file-type', 'fzstd', 'hyparquet', 'hyparquet-compressors', 'tinyglobby', 'zod'],
  },
  dria: { rooms: ['batch'], node: true, packages: ['ajv', 'ajv-formats', 'undici', 'zod'] },
  formats: { rooms: ['batch', 'input'], node: true, packages: ['hyparquet-writer', 'zod'] },
  store: { rooms: ['batch', 'formats', 'input', 'storage'], node: true, packages: ['picomatch', 'zod'] },
  webhook: { rooms: ['batch', 'dria'], node: true, packages: ['undici'] },
  simulator: { rooms: ['batch'], node: true, packages: ['file-type', 'zod'] },
  'report/page': { rooms: ['batch', 'report'] },
  report: { rooms: ['batch'], node: ['crypto', 'util', 'zlib'] },
  activities: { rooms: BELOW, node: true, packages: ['@temporalio/', 'zod'] },
  embedded: { node: true },
  telemetry: {
    rooms: ['activities', 'batch', 'dria'],
    node: true,
    packages: ['@temporalio/', '@opentelemetry/', 'zod'],
  },
  cli: {
    rooms: [...BELOW, '.', 'embedded', 'report', 'simulator', 'telemetry'],
    node: true,
    packages: ['@temporalio/', 'commander', 'smol-toml', 'zod'],
  },
  '.': {
    rooms: [...BELOW, 'activities', 'embedded', 'workflows'],
    node: true,
    packages: ['@temporalio/', 'nexus-rpc', 'zod'],
  },
};

/** Files of `.` that import nothing else of `src`: any room may use them that may use Node. */
const LEAVES = '^src/(built-sdk|metric-names|system-error)\\.ts$';

/** Returns the pattern of a room's files; those of a room within a room are not its own. */
function filesOf(room) {
  return room === '.' ? '^src/[^/]+$' : `^src/${room}/`;
}

function packageOf(name) {
  return `(^|node_modules/)${name}${name.endsWith('/') ? '' : '(/|$)'}`;
}

function borderOf([room, { rooms = [], packages = [], node = [] }]) {
  const within = Object.keys(ROOMS).filter((other) => other.startsWith(`${room}/`));
  const allowed = [...[room, ...rooms].map(filesOf), ...packages.map(packageOf)];
  const anyOfNode = node === true;
  const modules = anyOfNode ? [LEAVES] : node.map((name) => `^(node:)?${name}$`);
  return {
    name: `border of ${room}`,
    severity: 'error',
    from: { path: filesOf(room), pathNot: within.map(filesOf) },
    to: { pathNot: [...allowed, ...modules], ...(anyOfNode ? { dependencyTypesNot: ['core'] } : {}) },
  };
}

export default {
  forbidden: [
    { name: 'no circle', severity: 'error', from: {}, to: { circular: true } },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    ...Object.entries(ROOMS).map(borderOf),
  ],
  options: {
    // Of the parsers that it knows, the one that reads TypeScript 7's syntax; with it `import type` counts.
    parser: 'swc',
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
  },
};
