import { expect, it } from 'vitest';
import { TimeLimitError, withinTime } from '../../src/dria/time-limit.js';

/** Works and sleeps in turn, as a process does that has a fifth of a processor. */
function workForEver(): never {
  const asleep = new Int32Array(new SharedArrayBuffer(4));
  for (;;) {
    const start = performance.now();
    while (performance.now() - start < 2);
    Atomics.wait(asleep, 0, 0, 8);
  }
}

it('work without an end is cut off, also where it has less than half of a processor', () => {
  expect(() => withinTime(50, workForEver)).toThrow(TimeLimitError);
});

it('work that ends within its time gives its value', () => {
  expect(withinTime(1_000, () => 'done')).toBe('done');
});

it('an error of the work is thrown as it is', () => {
  expect(() =>
    withinTime(1_000, () => {
      throw new RangeError('its own');
    }),
  ).toThrow(new RangeError('its own'));
});
