import { fileURLToPath } from 'node:url';
import { CodeCache, cacheDir } from './code-cache.js';

// The thread in which the SDK runs workflows, as the bundle has it. The code of its chunks is kept by the command, whose
// chunks they are too.

new CodeCache(fileURLToPath(new URL('../bundle', import.meta.url)), cacheDir()).run('workflow-thread');
