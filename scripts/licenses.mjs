import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Returns the folder of the package that a module is in; undefined for one of our own. */
export function packageOf(id) {
  return /^.*\/node_modules\/(@[^/]+\/)?[^/]+/.exec(id)?.[0];
}

/** Writes the licences of the packages that are in a bundle beside it. */
export async function writeLicenses(bundle, folders) {
  const texts = await Promise.all([...folders].sort().map(license));
  await writeFile(join(bundle, 'LICENSES.txt'), texts.join('\n\n'));
}

async function license(folder) {
  const { name, version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  const file = (await readdir(folder)).find((entry) => /^(licen[cs]e|copying)(\.|$)/i.test(entry));
  const text = file === undefined ? '' : await readFile(join(folder, file), 'utf8');
  return `${name} ${version}, ${license}\n\n${text.trim()}\n`;
}
