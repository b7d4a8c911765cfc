import { describe, expect, test } from 'vitest';
import { carrierBelow, parseCarrier, placeOf, spanIdOf, traceIdOf } from '../../src/batch/trace.js';

const RUN = '01a212eb-da2a-7479-b46d-3ef7fa8828b2';
const CHUNK = '01a212eb-e28d-7c2f-ac08-fa8cdd004080';
const ABOVE = { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-00`, tracestate: 'vendor=1' };

test('the ids of an execution chain are its first run id and the end of it', () => {
  expect(traceIdOf(RUN)).toBe('01a212ebda2a7479b46d3ef7fa8828b2');
  expect(spanIdOf(RUN)).toBe('b46d3ef7fa8828b2');
});

describe('what is started below', () => {
  test('a run begins a trace of which nobody has decided', () => {
    expect(placeOf(carrierBelow(RUN, undefined))).toEqual({
      traceId: traceIdOf(RUN),
      spanId: spanIdOf(RUN),
      flags: 1,
      undecided: true,
    });
  });

  test('a chunk is in the trace of its run, which is still undecided', () => {
    const place = placeOf(carrierBelow(CHUNK, carrierBelow(RUN, undefined)));
    expect(place).toMatchObject({ traceId: traceIdOf(RUN), spanId: spanIdOf(CHUNK), undecided: true });
  });

  test('a run that was started within a trace keeps its id, decision and state', () => {
    expect(placeOf(carrierBelow(RUN, ABOVE))).toEqual({
      traceId: 'a'.repeat(32),
      spanId: spanIdOf(RUN),
      flags: 0,
      tracestate: 'vendor=1',
      undecided: false,
    });
  });
});

describe('a header', () => {
  test('is read as it was written', () => {
    const carrier = carrierBelow(CHUNK, carrierBelow(RUN, undefined));
    expect(parseCarrier(JSON.parse(JSON.stringify(carrier)))).toEqual(carrier);
    expect(parseCarrier(ABOVE)).toEqual(ABOVE);
  });

  test.each([undefined, null, 'text', {}, { traceparent: 1 }, { traceparent: '00-short-b-01' }])(
    'that is none is not there: %j',
    (value) => {
      expect(parseCarrier(value)).toBeUndefined();
    },
  );
});
