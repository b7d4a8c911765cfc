import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { columnNames } from '../../src/batch/column-name.js';
import { fulfils, parseCondition } from '../../src/batch/condition.js';

describe('a condition', () => {
  it.each([
    ['lang=de', { column: 'lang', operator: '=', value: 'de' }],
    [' lang  !=  de ', { column: 'lang', operator: '!=', value: 'de' }],
    ['a<=b=c', { column: 'a', operator: '<=', value: 'b=c' }],
    ['a>b', { column: 'a', operator: '>', value: 'b' }],
    ['a~<', { column: 'a', operator: '~', value: '<' }],
    ['a=', { column: 'a', operator: '=', value: '' }],
    ['"a=b" >= 1', { column: 'a=b', operator: '>=', value: '1' }],
  ])('%s is read', (text, expected) => {
    expect(parseCondition(text)).toMatchObject(expected);
  });

  it.each(['', 'lang', '=de', '"a" b=1', ' ! '])('%j is refused, with an example', (text) => {
    expect(() => parseCondition(text)).toThrow(/is no condition: write one as lang=de/);
  });

  it.each<[string, unknown, boolean]>([
    ['v=de', 'de', true],
    ['v=de', 'De', false],
    ['v!=de', null, true],
    ['v=', null, true],
    ['v=', undefined, true],
    ['v=', '', true],
    ['v!=', 'x', true],
    ['v=1', '1.0', true],
    ['v=1', 1, true],
    ['v=1e2', '100', true],
    ['v=7', '007', false],
    ['v=007', '007', true],
    ['v=true', true, true],
    ['v>9', '10', true],
    ['v>9', 'ten', false],
    ['v<9', 'ten', false],
    ['v<9', null, false],
    ['v<=9', 9n, true],
    ['v>=9007199254740993', '9007199254740992', false],
    ['v>=9007199254740993', 9007199254740993n, true],
    ['v>0.5', 1n, true],
    ['v<-1', -1.5, true],
    ['v>=2026-01-02', '2026-01-10', true],
    ['v<2026-01-02', '2026-01-10', false],
    ['v<b', null, false],
    ['v~an', 'Bananas', true],
    ['v~an', null, false],
    ['v={"a":1}', { a: 1 }, true],
    ['v~1', [0, 1], true],
  ])('%s is fulfilled by %s: %s', (condition, value, expected) => {
    expect(fulfils(value, parseCondition(condition))).toBe(expected);
  });

  it('is fulfilled by each number on one side of it, and by equal ones as its operator has it', () => {
    const number = fc.oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }));
    fc.assert(
      fc.property(number, number, fc.boolean(), (a, b, isText) => {
        const cell = isText ? JSON.stringify(a) : a;
        const is = (operator: string) => fulfils(cell, parseCondition(`v${operator}${JSON.stringify(b)}`));
        const [x, y] = [JSON.parse(JSON.stringify(a)), JSON.parse(JSON.stringify(b))];
        expect([is('<'), is('<='), is('='), is('>='), is('>'), is('!=')]).toEqual([
          x < y,
          x <= y,
          x === y,
          x >= y,
          x > y,
          x !== y,
        ]);
      }),
    );
  });
});

describe('a list of columns', () => {
  it.each([
    ['a', ['a']],
    [' a , b b ', ['a', 'b b']],
    ['"a,b", "c"', ['a,b', 'c']],
    ['"all"', ['all']],
  ])('%s is read', (text, names) => {
    expect(columnNames(text)).toEqual(names);
  });

  it.each(['', 'a,', ',a', '"a"b'])('%j is refused', (text) => {
    expect(() => columnNames(text)).toThrow(RangeError);
  });
});
