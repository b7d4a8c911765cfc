import { ActivityFailure, ApplicationFailure, sleep } from '@temporalio/workflow';
import { ACTIVITY_PREFIX } from '../batch/activity-contract.js';

/** Rounds of attempts of a step: with the waits between them about an hour, in which a full disk is noticed. */
const ROUNDS = 60;

/** The same while no worker sees the run's storage: some seconds for those that do to take the step. */
const UNSHARED_ROUNDS = 3;

/** First and longest wait before another round (ms). */
const FIRST_WAIT_MS = 8_000;
const LONGEST_WAIT_MS = 60_000;

/** Maximum characters of a reason: notes travel in messages, which are refused if a text in them is too long. */
const REASON_LENGTH = 300;

/**
 * Does a step until it succeeds. When its policy has given up an error that may pass, `onTrouble` gets the reason, and the
 * step is done again after a while: the attempts of an activity are not seen by its workflow, so that nobody would be told.
 */
export async function insist<T>(step: () => Promise<T>, onTrouble: (reason: string) => void): Promise<T> {
  for (let round = 1; ; round++) {
    try {
      return await step();
    } catch (error) {
      if (!(error instanceof ActivityFailure) || error.retryState !== 'MAXIMUM_ATTEMPTS_REACHED') throw error;
      if (round >= (isUnshared(error) ? UNSHARED_ROUNDS : ROUNDS)) throw error;
      const name = error.activityType.slice(ACTIVITY_PREFIX.length);
      onTrouble(`${name} fails and is tried again: ${(error.cause?.message ?? error.message).slice(0, REASON_LENGTH)}`);
      const wait = Math.min(FIRST_WAIT_MS * 2 ** (round - 1), LONGEST_WAIT_MS);
      await sleep(wait, { summary: `until ${name} is tried again` });
    }
  }
}

function isUnshared({ cause }: ActivityFailure): boolean {
  return cause instanceof ApplicationFailure && cause.type === 'StorageNotShared';
}
