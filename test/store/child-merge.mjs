// Writes the part of a chunk and its results, and prints the largest size of this process (bytes).
import { argv } from 'node:process';

const [, , dist, root, input] = argv;
const { FileStorage } = await import(`${dist}/storage/file-storage.js`);
const { writePart } = await import(`${dist}/store/merge.js`);
const { assembleResults } = await import(`${dist}/store/results.js`);
const storage = new FileStorage(root);
const part = JSON.parse(input);
const { counts } = await writePart(storage, part, () => undefined);
const { signal } = new AbortController();
await assembleResults(storage, { run: part.run, chunks: 1, summary: {} }, { onPart: () => undefined, signal });
process.stdout.write(JSON.stringify({ ok: counts.ok, rss: process.resourceUsage().maxRSS * 1024 }));
