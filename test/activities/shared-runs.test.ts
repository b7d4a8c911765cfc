import { describe, expect, it } from 'vitest';
import { SharedRuns } from '../../src/activities/shared-runs.js';

describe('the permits and refusals of a worker', () => {
  it('are those of each run, shared by its packs', () => {
    const runs = new SharedRuns();
    const [first, second, other] = [runs.join('run', false), runs.join('run', false), runs.join('other', false)];
    expect(second.permits).toBe(first.permits);
    expect(second.refusals).toBe(first.refusals);
    expect(other.permits).not.toBe(first.permits);
    expect(other.refusals).not.toBe(first.refusals);
  });

  it('are forgotten with the last pack of their run, and not before', () => {
    const runs = new SharedRuns();
    const [first, second] = [runs.join('run', false), runs.join('run', false)];
    first.leave();
    const third = runs.join('run', false);
    expect(third.permits).toBe(second.permits);
    second.leave();
    third.leave();
    const later = runs.join('run', false);
    expect(later.permits).not.toBe(first.permits);
    expect(later.refusals).not.toBe(first.refusals);
  });

  it('count no refusals in a run that has been answered before its packs came to this worker', () => {
    const { refusals } = new SharedRuns().join('run', true);
    for (let item = 0; item < 9; item++) refusals.failed(item, '400: bad request');
    expect(refusals.areAll).toBe(false);
    expect(refusals.areHeld).toBe(false);
  });
});
