import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodeModels, encodeModels } from '../../src/batch/chunk-models.js';

const names = fc.array(fc.option(fc.constantFrom('a', 'b', '', '__proto__', '1x2'), { nil: undefined }), {
  minLength: 1,
});

it('the models of items are read as they were written', () => {
  fc.assert(
    fc.property(names, (models) => {
      const encoded = encodeModels(models);
      if (encoded === undefined) expect(models.every((model) => model === undefined)).toBe(true);
      else expect(decodeModels(encoded)).toEqual(models);
    }),
  );
});

it('items whose models take turns take two characters each', () => {
  const models = Array.from({ length: 10_000 }, (_, at) => (at % 2 === 0 ? 'one' : 'two'));
  expect(encodeModels(models)?.items.length).toBeLessThan(20_000);
});

it.each(['x', '0y1', '2', '0,-1'])('%j is not what was written', (items) => {
  expect(() => decodeModels({ names: ['a'], items })).toThrow(RangeError);
});
