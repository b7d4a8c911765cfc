import { ServiceError } from '@temporalio/client';
import { describe, expect, it } from 'vitest';
import { sendUpdate } from '../src/client-updates.js';

/** An error as the SDK throws it: the server's, behind one of its own. */
function refusal(code: number, details: string): ServiceError {
  const cause = Object.assign(new Error(`${code}: ${details}`), { code, details, metadata: {} });
  return new ServiceError('Workflow Update failed', { cause });
}

const GIVEN_UP = refusal(9, 'Unable to perform workflow execution update due to unexpected workflow task failure.');

/** Sends an update that fails so often, and counts how often it was sent. */
async function sent(error: Error, failures: number): Promise<{ readonly times: number; readonly result: unknown }> {
  let times = 0;
  const send = async () => {
    times++;
    if (times <= failures) throw error;
    return 'paused';
  };
  const result = await sendUpdate(send).catch((thrown: unknown) => thrown);
  return { times, result };
}

describe('an update', () => {
  it('that the server gives up, since the run continues as new, is sent again', async () => {
    expect(await sent(GIVEN_UP, 2)).toEqual({ times: 3, result: 'paused' });
  });

  it('that is given up again and again fails with the server’s error', async () => {
    expect(await sent(GIVEN_UP, 99)).toEqual({ times: 6, result: GIVEN_UP });
  });

  it.each([
    refusal(5, 'workflow execution already completed'),
    refusal(9, 'another precondition'),
    new Error('a change that the run refuses'),
  ])('that fails otherwise is sent once: %s', async (error) => {
    expect(await sent(error, 99)).toEqual({ times: 1, result: error });
  });
});
