import { WorkflowNotFoundError, WorkflowUpdateRPCTimeoutOrCancelledError } from '@temporalio/client';
import { ServiceError } from '@temporalio/client/lib/errors.js';
import { describe, expect, it } from 'vitest';
import { isServerAway, throughAbsence } from '../../../src/cli/server-away.js';

/** An error as the SDK throws it for a gRPC status. */
function failed(code: number, details: string): ServiceError {
  const cause = Object.assign(new Error(`${code} ${details}`), { code, details, metadata: {} });
  return new ServiceError('Failed to get Workflow execution history', { cause });
}

const AWAY: [string, Error][] = [
  ['a poll that slept through its time', failed(4, 'context deadline exceeded')],
  ['a server that is gone', failed(14, 'connect ECONNREFUSED 127.0.0.1:7233')],
  ['a server that stops', failed(1, 'shutting down')],
  ['a server that starts', failed(2, 'shard status unknown')],
  ['a server that is asked too much', failed(8, 'namespace rate limit exceeded')],
  ['a connection that broke', failed(13, 'Received RST_STREAM with code 0')],
  ['an order whose answer did not come', new WorkflowUpdateRPCTimeoutOrCancelledError('x', { cause: failed(4, '') })],
];
const THERE: [string, unknown][] = [
  ['a run that is not there', failed(5, 'workflow not found')],
  ['the same in words of its own', new WorkflowNotFoundError('no', 'id', undefined)],
  ['a key that is refused', failed(16, 'unauthorized')],
  ['a namespace that is not allowed', failed(7, 'denied')],
  ['a wrong call', failed(3, 'invalid')],
  ['a message that is too large', failed(8, 'Received message larger than max (5 vs 4)')],
  ['a TLS that fails', failed(13, 'certificate required')],
  ['an error of our own', new TypeError('x is undefined')],
  ['no error', undefined],
];

describe('a server is away', () => {
  it.each(AWAY)('for %s', (_, error) => expect(isServerAway(error)).toBe(true));
  it.each(THERE)('but not for %s', (_, error) => expect(isServerAway(error)).toBe(false));
});

describe('a call through absence', () => {
  it('is made again until it is answered', async () => {
    const errors = AWAY.slice(0, 2).map(([, error]) => error);
    const call = async () => {
      const error = errors.shift();
      if (error !== undefined) throw error;
      return 'answered';
    };
    expect(await throughAbsence(call, new AbortController().signal)).toBe('answered');
    expect(errors).toEqual([]);
  });

  it.each(THERE.filter(([, error]) => error instanceof Error))('throws %s at once', async (_, error) => {
    await expect(throughAbsence(() => Promise.reject(error), new AbortController().signal)).rejects.toBe(error);
  });

  it('ends when it is over', async () => {
    const over = new AbortController();
    const call = async (): Promise<never> => {
      over.abort();
      throw failed(14, 'gone');
    };
    await expect(throughAbsence(call, over.signal)).rejects.toThrow(/abort/i);
  });
});
