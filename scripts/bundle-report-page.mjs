// Builds the script and the style of the report's page into dist/report/assets/, where the command finds them.
import { copyFile, mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const path = (relative) => fileURLToPath(new URL(`../${relative}`, import.meta.url));
const assets = path('dist/report/assets');

await mkdir(assets, { recursive: true });
const bundle = await rolldown({ input: path('src/report/page/main.ts'), platform: 'browser' });
await bundle.write({ file: `${assets}/page.js`, format: 'iife', minify: true });
await bundle.close();
await copyFile(path('src/report/page/page.css'), `${assets}/page.css`);
