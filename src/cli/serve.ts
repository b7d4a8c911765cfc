import { once } from 'node:events';
import { resolveDataDir } from '../embedded/data-dir.js';
import { joinEmbeddedServer } from '../embedded/join.js';
import type { Io } from './io.js';

/** Keeps the embedded server up until the person leaves. */
export async function serve(dataDir: string | undefined, json: boolean, io: Io): Promise<void> {
  const server = await joinEmbeddedServer({
    dataDir: resolveDataDir(dataDir, io.env),
    env: io.env,
    onStep: (step) => io.stderr.write(`${step}\n`),
    signal: io.interrupt,
  });
  const { address, uiUrl } = server;
  const text = `Temporal server: ${address}\nWeb UI:          ${uiUrl}\n`;
  io.stdout.write(json ? `${JSON.stringify({ address, uiUrl })}\n` : text);
  if (!io.interrupt.aborted) await once(io.interrupt, 'abort');
  await server.leave();
}
