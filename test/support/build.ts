import { spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SOURCES = join(ROOT, 'src');
const BUILT = join(ROOT, 'dist');

/** The workflow bundle that workers of this package run. */
export const BUNDLE = join(BUILT, 'workflow-bundle.js');
const PAGE_SCRIPT = join(BUILT, 'report/assets/page.js');
/** Written last of the command line's bundle. */
const COMMAND_LINE = join(BUILT, 'bundle/LICENSES.txt');

/** The one that workers run whose spans are sent. */
export const TRACED_BUNDLE = join(BUILT, 'workflow-bundle-otel.js');

/** Builds `dist` unless it is newer than every source: a bare `vitest run` must not test what was built last week. */
export function buildIfStale(): void {
  if (!isStale()) return;
  process.stderr.write('dist is missing or older than src: building it\n');
  const compiled = runNode(join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', join(ROOT, 'tsconfig.json'));
  // Type errors do not keep the files from being written; finding them is the work of `npm run typecheck`.
  if (compiled !== 0) process.stderr.write('tsc found errors; testing what it has written all the same\n');
  if (runNode(join(ROOT, 'scripts/bundle-workflows.mjs')) !== 0) throw new Error('the workflows could not be bundled');
  if (runNode(join(ROOT, 'scripts/bundle-report-page.mjs')) !== 0) throw new Error('the page could not be bundled');
  if (runNode(join(ROOT, 'scripts/bundle-cli.mjs')) !== 0) throw new Error('the command line could not be bundled');
}

function isStale(): boolean {
  return readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ts|css)$/.test(name))
    .some((name) => {
      const source = modified(join(SOURCES, name)) ?? 0;
      return builtFrom(name).some((built) => (modified(built) ?? 0) < source);
    });
}

/** What is built from a source: its own file, except for the page's, and the bundles that it may be in. */
function builtFrom(name: string): string[] {
  const isIn = (folders: RegExp) => folders.test(name);
  return [
    ...(isIn(/^report[/\\]page[/\\]/) ? [] : [join(BUILT, name.replace(/\.ts$/, '.js'))]),
    ...(isIn(/^(workflows|batch)[/\\]/) ? [BUNDLE] : []),
    ...(isIn(/^(report|batch)[/\\]/) ? [PAGE_SCRIPT] : []),
    COMMAND_LINE,
  ];
}

function modified(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs;
}

function runNode(...args: readonly string[]): number | null {
  return spawnSync(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 2, 2] }).status;
}
