#!/usr/bin/env node
import nodeModule from 'node:module';
import { listenForInterrupt } from './interrupt.js';
import { EXIT } from './io.js';
import { runCli } from './program.js';

// Node 22 and later keep compiled code between starts: most of the time until the first request is loading.
if ('enableCompileCache' in nodeModule && typeof nodeModule.enableCompileCache === 'function') {
  nodeModule.enableCompileCache();
}

const interrupt = listenForInterrupt(() => process.exit(EXIT.DETACHED));
const { stdin, stdout, stderr, env } = process;
// A reader that has seen enough closes its end: that is no failure of the command.
for (const stream of [stdout, stderr]) stream.on('error', () => undefined);
const code = await runCli(process.argv, { stdin, stdout, stderr, env, interrupt });
process.exit(code);
