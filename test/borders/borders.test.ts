import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';

const root = fileURLToPath(new URL('../..', import.meta.url));

const ROOMS =
  'batch workflows activities dria input store storage webhook embedded report report/page simulator telemetry cli';

/** A file, what it imports, and the rule that refuses it; no rule for an import that is allowed. */
const IMPORTS: readonly (readonly [file: string, imported: string, rule?: string])[] = [
  ['batch/a.ts', '../dria/there.js', 'border of batch'],
  ['batch/b.ts', 'node:fs', 'border of batch'],
  ['batch/c.ts', '@temporalio/workflow', 'border of batch'],
  ['batch/d.ts', 'zod'],
  ['workflows/a.ts', '../activities/there.js', 'border of workflows'],
  ['workflows/b.ts', '@temporalio/activity', 'border of workflows'],
  ['workflows/c.ts', 'node:crypto', 'border of workflows'],
  ['workflows/d.ts', '@temporalio/common'],
  ['workflows/e.ts', '../batch/there.js'],
  ['dria/a.ts', '@temporalio/common', 'border of dria'],
  ['dria/b.ts', '../storage/there.js', 'border of dria'],
  ['dria/c.ts', 'undici'],
  ['input/a.ts', '@temporalio/activity', 'border of input'],
  ['input/b.ts', '../store/there.js', 'border of input'],
  ['storage/a.ts', '@temporalio/activity', 'border of storage'],
  ['storage/b.ts', '../batch/there.js', 'border of storage'],
  ['storage/c.ts', 'node:fs/promises'],
  ['storage/d.ts', '../system-error.js'],
  ['store/a.ts', '@temporalio/activity', 'border of store'],
  ['store/b.ts', '../activities/there.js', 'border of store'],
  ['store/c.ts', '../storage/there.js'],
  ['webhook/a.ts', '../store/there.js', 'border of webhook'],
  ['webhook/b.ts', 'undici'],
  ['simulator/a.ts', '@temporalio/client', 'border of simulator'],
  ['simulator/b.ts', '../dria/there.js', 'border of simulator'],
  ['report/a.ts', 'node:fs', 'border of report'],
  ['report/b.ts', '../store/there.js', 'border of report'],
  ['report/c.ts', 'node:zlib'],
  ['report/page/a.ts', 'node:zlib', 'border of report/page'],
  ['report/page/b.ts', '../there.js'],
  ['activities/a.ts', '../cli/there.js', 'border of activities'],
  ['activities/b.ts', '@opentelemetry/api', 'border of activities'],
  ['activities/c.ts', '../workflows/there.js', 'border of activities'],
  ['activities/d.ts', '../store/there.js'],
  ['embedded/a.ts', '../cli/there.js', 'border of embedded'],
  ['embedded/b.ts', '@temporalio/client', 'border of embedded'],
  ['telemetry/a.ts', '../cli/there.js', 'border of telemetry'],
  ['telemetry/b.ts', '@opentelemetry/api'],
  ['cli/a.ts', '../activities/there.js', 'border of cli'],
  ['cli/b.ts', '@opentelemetry/api', 'border of cli'],
  ['cli/c.ts', '../worker.js'],
  ['a.ts', './cli/there.js', 'border of .'],
  ['b.ts', '@opentelemetry/api', 'border of .'],
  ['c.ts', './activities/there.js'],
  ['batch/circle-1.ts', './circle-2.js', 'no circle'],
  ['batch/lost.ts', './nowhere.js', 'resolvable'],
];

const reportSchema = z.object({
  summary: z.object({
    violations: z.array(z.object({ from: z.string(), rule: z.object({ name: z.string() }) })),
  }),
});

/** Returns the rules that each file of a folder breaks. */
async function brokenRules(folder: string): Promise<ReadonlyMap<string, string>> {
  const args = ['src', '--config', join(root, '.dependency-cruiser.mjs'), '--output-type', 'json'];
  const { stdout } = await promisify(execFile)(join(root, 'node_modules/.bin/depcruise'), args, { cwd: folder });
  const { violations } = reportSchema.parse(JSON.parse(stdout)).summary;
  return new Map(violations.map(({ from, rule }) => [from, rule.name]));
}

describe.each([
  ['of types', (path: string) => `import type { Nothing } from '${path}';\nexport type Probe = Nothing;\n`],
  ['of values', (path: string) => `import * as it from '${path}';\nexport const probe = it;\n`],
  ['at run time', (path: string) => `export const probe = () => import('${path}');\n`],
])('an import %s', (_kind, write) => {
  let folder: string;
  let broken: ReadonlyMap<string, string>;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'borders-'));
    const files = new Map(ROOMS.split(' ').map((room) => [`${room}/there.ts`, 'export const there = 1;\n']));
    for (const file of ['worker.ts', 'system-error.ts']) files.set(file, 'export const there = 1;\n');
    for (const [file, imported] of IMPORTS) files.set(file, write(imported));
    files.set('batch/circle-2.ts', write('./circle-1.js'));
    for (const [file, text] of files) {
      await mkdir(dirname(join(folder, 'src', file)), { recursive: true });
      await writeFile(join(folder, 'src', file), text);
    }
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
    broken = await brokenRules(folder);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test.each(IMPORTS)('src/%s importing %s breaks: %s', (file, _imported, rule) => {
    expect(broken.get(`src/${file}`)).toBe(rule);
  });
});
