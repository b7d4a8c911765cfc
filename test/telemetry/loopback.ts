import { once } from 'node:events';
import type { Server } from 'node:net';

/** Makes a server listen on loopback. Returns its URL, as in `OTEL_EXPORTER_OTLP_ENDPOINT`. */
export async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the collector does not listen');
  return `http://127.0.0.1:${address.port}`;
}
