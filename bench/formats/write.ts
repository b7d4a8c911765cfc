import { createReadStream } from 'node:fs';
import { resultFormat } from '../../src/batch/output-format.js';
import { render } from '../../src/formats/render.js';
import { replaceFile } from '../../src/storage/files.js';
import { type Cost, taskSchema } from './task.js';

// Writes output lines in a format, in a process of its own, and prints what it took.

const SCHEMA = { type: 'object', properties: { mood: { type: 'string' }, score: { type: 'number' } } };

const { input, output } = taskSchema.parse(JSON.parse(process.argv[2] ?? '{}'));
const format = resultFormat(output, { flatten: /\.(csv|parquet)/.test(output) });
const open = () => createReadStream(input, { highWaterMark: 1 << 20 });
const start = performance.now();
await replaceFile(output, render(open, format, { detail: false, schema: SCHEMA, facts: { run: 'bench' } }));
const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
const cost: Cost = {
  seconds: (performance.now() - start) / 1000,
  cpuSeconds: (userCPUTime + systemCPUTime) / 1e6,
  peakBytes: maxRSS * 1024,
};
console.log(JSON.stringify(cost));
