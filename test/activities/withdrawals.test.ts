import { expect, it } from 'vitest';
import { Withdrawals } from '../../src/activities/withdrawals.js';

it('reaches every attempt of the pack that is here, and no other pack', () => {
  const withdrawals = new Withdrawals();
  const attempts = [withdrawals.listen('run', 'pack-1'), withdrawals.listen('run', 'pack-1')];
  const others = [withdrawals.listen('run', 'pack-2'), withdrawals.listen('another', 'pack-1')];
  withdrawals.withdraw('run', 'pack-1');
  expect(attempts.map(({ withdrawn }) => withdrawn.aborted)).toEqual([true, true]);
  expect(others.map(({ withdrawn }) => withdrawn.aborted)).toEqual([false, false]);
});

it('says nothing to an attempt that has ended, nor to one that comes later', () => {
  const withdrawals = new Withdrawals();
  const ended = withdrawals.listen('run', 'pack-1');
  ended.close();
  withdrawals.withdraw('run', 'pack-1');
  const later = withdrawals.listen('run', 'pack-1');
  expect([ended.withdrawn.aborted, later.withdrawn.aborted]).toEqual([false, false]);
});
