#!/usr/bin/env node
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { isBuiltSdk } from '../built-sdk.js';
import { CodeCache, cacheDir } from './code-cache.js';

/** Time after which a command that still runs has loaded all that it starts with, ms. */
const STARTED_MS = 2_000;

const code = new CodeCache(fileURLToPath(new URL('../bundle', import.meta.url)), cacheDir());
process.once('exit', () => code.save());
setTimeout(() => {
  // Before the flag, since V8 takes no code that was compiled under other flags.
  code.save();
  // V8 lets a heap grow to four times what lives in it before it cleans up. Half as much again costs no time that can be
  // measured here and a quarter less memory (docs/performance.md); at the start it would cost a tenth of a second.
  setFlagsFromString('--heap-growing-percent=50');
}, STARTED_MS).unref();

if (isBuiltSdk()) code.run('command-line');
else void import('./command-line.js');
