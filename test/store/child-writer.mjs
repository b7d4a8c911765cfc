// Appends outcomes to a chunk's log for ever and prints the index of each that is acknowledged.
import { writeSync } from 'node:fs';
import { argv } from 'node:process';

const [, , dist, root, run] = argv;
const { FileStorage } = await import(`${dist}/storage/file-storage.js`);
const { ChunkLog } = await import(`${dist}/store/chunk-log.js`);
const log = new ChunkLog(new FileStorage(root), run, 0, (message) => process.stderr.write(`${message}\n`));

let item = 0;
async function lane() {
  for (;;) {
    const own = item++;
    const output = 'x'.repeat((own * 7919) % 200_000);
    await log.append({ item: own, result: { id: own + 1, model: 'm', output, tokens: 1 } });
    writeSync(1, `${own}\n`);
  }
}
await Promise.all(Array.from({ length: 20 }, lane));
