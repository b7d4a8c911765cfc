import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { oneLineJson } from '../../src/batch/json-line.js';
import { withId, withoutDetails } from '../../src/store/line-edits.js';

const id = fc.oneof(fc.string({ minLength: 1 }), fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }));
const line = fc.record({ model: fc.constant('m'), output: fc.string({ unit: 'binary' }), tokens: fc.nat() });

describe('withId', () => {
  it('changes the id of an output line and nothing else', () => {
    fc.assert(
      fc.property(id, id, line, (before, after, rest) => {
        const changed = withId(Buffer.from(oneLineJson({ id: before, ...rest })), after);
        expect(changed.toString()).toBe(oneLineJson({ id: after, ...rest }));
      }),
    );
  });

  it('changes an id that is longer than most lines', () => {
    expect(withId(Buffer.from(`{"id":"${'ä'.repeat(5000)}","output":"x"}`), 1).toString()).toBe(
      '{"id":1,"output":"x"}',
    );
  });
});

describe('withoutDetails', () => {
  it('takes away what --detail adds, whatever the answer says', () => {
    const details = {
      prompt_tokens: 1,
      completion_tokens: 2,
      finish_reason: 'stop',
      attempts: 1,
      latency_ms: 5,
      node_id: ',"prompt_tokens":1',
    };
    fc.assert(
      fc.property(line, fc.constantFrom(undefined, { a: 1, prompt_tokens: 2 }), ({ tokens, ...head }, parsed) => {
        const plain = { id: 1, ...head, parsed, tokens };
        const detailed = oneLineJson({ ...plain, ...details, models_tried: ['m'] });
        expect(withoutDetails(Buffer.from(detailed)).toString()).toBe(oneLineJson(plain));
      }),
    );
  });
});
