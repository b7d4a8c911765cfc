#!/usr/bin/env node
import nodeModule from 'node:module';
import { setFlagsFromString } from 'node:v8';
import { listenForInterrupt } from './interrupt.js';
import { EXIT } from './io.js';
import { runCli } from './program.js';

// Node 22 and later keep compiled code between starts: most of the time until the first request is loading.
if ('enableCompileCache' in nodeModule && typeof nodeModule.enableCompileCache === 'function') {
  nodeModule.enableCompileCache();
}

// V8 lets a heap grow to four times what lives in it before it cleans up. Half as much again costs no time that can be
// measured here and a quarter less memory (docs/performance.md).
setFlagsFromString('--heap-growing-percent=50');

const interrupt = listenForInterrupt(() => process.exit(EXIT.DETACHED));
const { stdin, stdout, stderr, env } = process;
// A reader that has seen enough closes its end: that is no failure of the command.
for (const stream of [stdout, stderr]) stream.on('error', () => undefined);
const code = await runCli(process.argv, { stdin, stdout, stderr, env, interrupt });
process.exit(code);
