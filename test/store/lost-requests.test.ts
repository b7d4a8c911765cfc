import { expect, it } from 'vitest';
import { countHistories } from '../../src/store/count-outcomes.js';
import { OutcomeIndex } from '../../src/store/outcome-index.js';

it('requests that brought no record count as sent, in a run that is taken over by another execution', () => {
  const index = new OutcomeIndex();
  const sent = (item: number) => index.add({ item, by: 'a', sent: 'm' });
  // Answered at the second request; failed once and lost; lost at once.
  for (const item of [0, 0, 1, 1, 2]) sent(item);
  index.add({ item: 0, by: 'a', try: { target: 'm', error: '500: x', attempt: 1 } });
  index.add({ item: 1, by: 'a', try: { target: 'm', error: '500: x', attempt: 1 } });
  index.add({ item: 0, result: { id: 1, model: 'm', tokens: 3 } });
  const counts = countHistories(index, index.items());
  expect(counts).toMatchObject({ ok: 1, requests: 5, retries: 1, models: { m: { sent: 5, ok: 1 } } });
});
