import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, expect } from 'vitest';

// Files that nobody has closed when a suite has ended are found: Node 20 to 24 warns of each that the garbage collector
// closes (DEP0137), and Node 25 ends the process.

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

const unclosed: string[] = [];
const note = ({ message }: Error): void => {
  if (message.includes('garbage collection')) unclosed.push(message);
};
process.on('warning', note);
process.on('uncaughtExceptionMonitor', note);

afterAll(async () => {
  // What the last test has left may still be on its way; and a warning comes after the collection.
  for (let round = 0; round < 2; round++) {
    await setImmediate();
    collectGarbage();
    await setImmediate();
  }
  expect(unclosed).toEqual([]);
});
