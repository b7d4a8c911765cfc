// Bundles what other people's programs import once more as CommonJS into dist/cjs/, with declarations of its own: Jest and
// TypeScript before 5.8 load no ES module into a CommonJS project.
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { packageOf, writeLicenses } from './licenses.mjs';

const dist = fileURLToPath(new URL('../dist/', import.meta.url));
const out = join(dist, 'cjs');
const ENTRIES = {
  index: 'index',
  worker: 'worker',
  nexus: 'nexus',
  workflows: 'workflows/index',
  telemetry: 'telemetry/index',
};

/** Packages that are ES modules only: they are in the bundle. */
const INLINED = /^(file-type|hyparquet|hyparquet-compressors|hyparquet-writer)$/;

const packages = new Set();

const plugin = {
  name: 'own-paths',
  transform(code, id) {
    const folder = packageOf(id);
    if (folder !== undefined) packages.add(folder);
    if (!id.startsWith(dist) || !code.includes('import.meta.url')) return undefined;
    const own = `new URL(${JSON.stringify(relative(out, id))}, require('node:url').pathToFileURL(__filename)).href`;
    return code.replaceAll('import.meta.url', own);
  },
};

const bundle = await rolldown({
  input: Object.fromEntries(Object.entries(ENTRIES).map(([name, path]) => [name, join(dist, `${path}.js`)])),
  platform: 'node',
  external: (id, from) => from?.startsWith(dist) && /^[^./]/.test(id) && !INLINED.test(id),
  plugins: [plugin],
});
await bundle.write({ dir: out, format: 'cjs', entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' });
await bundle.close();
for (const file of await readdir(out)) await requireLazily(join(out, file));
await writeFile(join(out, 'package.json'), JSON.stringify({ type: 'commonjs' }));
const copied = new Set();
for (const path of Object.values(ENTRIES)) await copyDeclarations(`${path}.d.ts`);
await writeLicenses(out, packages);

/** Makes `import()` of a package what it is in CommonJS: Jest has no other. */
async function requireLazily(file) {
  const code = await readFile(file, 'utf8');
  await writeFile(file, code.replace(/\bimport\((["'][^"']+["'])\)/g, 'Promise.resolve().then(() => require($1))'));
}

/** Copies a declaration file and those that it imports to where they are read as CommonJS. */
async function copyDeclarations(file) {
  if (copied.has(file)) return;
  copied.add(file);
  const target = join(out, 'types', file);
  await mkdir(dirname(target), { recursive: true });
  await copyFile(join(dist, file), target);
  const imports = (await readFile(target, 'utf8')).matchAll(/\b(?:from|import)\s*\(?['"](\.[^'"]+)\.js['"]/g);
  for (const [, path] of imports) await copyDeclarations(join(dirname(file), `${path}.d.ts`));
}
