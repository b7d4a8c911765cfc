import { PassThrough } from 'node:stream';
import { batchOptionsSchema } from '../../src/batch/options.js';
import { scanFiles } from '../../src/cli/scan-file.js';
import { openStorage } from '../../src/storage/open-storage.js';

// Reads and checks an input, the first argument, as `batch` does before its run starts, with the data directory that the
// second argument names, and prints what it cost as JSON.

const [, , input = '', dataDir = ''] = process.argv;
const startedAt = performance.now();
const scanned = await scanFiles([input], {
  options: batchOptionsSchema.parse({}),
  read: {},
  roots: [],
  stdin: new PassThrough().end(),
  dataDir,
  signal: new AbortController().signal,
  env: process.env,
  storage: openStorage(dataDir),
  onProgress: () => undefined,
});
const seconds = (performance.now() - startedAt) / 1000;
const { manifest } = scanned.scan;
const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
await scanned.dispose();
process.stdout.write(
  JSON.stringify({
    rows: manifest.items,
    bytes: manifest.bytes,
    seconds,
    cpuSeconds: (userCPUTime + systemCPUTime) / 1e6,
    peakBytes: maxRSS * 1024,
  }),
);
