import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished, vi } from 'vitest';
import { openConnection } from '../../../src/cli/temporal-connection.js';
import { until } from '../../support/until.js';

const UNAVAILABLE = '14';

/** Starts a server that answers the first question of every client, and refuses the others for now; returns its address. */
async function refusingServer(onRefusal: () => void): Promise<string> {
  const server = createServer();
  server.on('stream', (stream, headers) => {
    const isFirst = headers[':path']?.endsWith('/GetSystemInfo') === true;
    if (!isFirst) onRefusal();
    const status = isFirst ? '0' : UNAVAILABLE;
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': status }));
    stream.end(isFirst ? Buffer.alloc(5) : undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

it('a connection closed while a call waits to be sent again sends nothing more and throws nothing from its timer', async () => {
  let refusals = 0;
  const { connection, close } = await openConnection({ address: await refusingServer(() => refusals++) });
  const timers = vi.spyOn(globalThis, 'setTimeout');
  onTestFinished(() => void timers.mockRestore());
  const resend = (): (() => void) | undefined => timers.mock.calls.find(([set]) => set.name === 'retry')?.[0];

  void connection.workflowService.getClusterInfo({});
  await until('the call waits to be sent again', () => resend() !== undefined);
  await close();
  const sent = refusals;

  expect(resend()).not.toThrow();
  expect(refusals).toBe(sent);
});
