// Stands for the command line: a server that says what is in its folder and leaves its pid there, a worker that is killed.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [, , command, , folder] = process.argv;
if (command === 'worker') process.kill(process.pid, 'SIGKILL');
writeFileSync(join(folder, 'pid'), String(process.pid));
process.stdout.write(`${readFileSync(join(folder, 'says'), 'utf8')}\n`);
// Longer than the test, and not for ever when that fails.
setTimeout(() => undefined, 60_000);
