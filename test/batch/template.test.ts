import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { constantText, fillTemplate, parseTemplate } from '../../src/batch/template.js';

function filled(template: string, row: Readonly<Record<string, unknown>>): unknown {
  const result = fillTemplate(parseTemplate(template), (column) => row[column]);
  return 'text' in result ? result.text : result;
}

describe('a template', () => {
  it.each<[string, Record<string, unknown>, string]>([
    ['Classify: {{text}}', { text: 'hello' }, 'Classify: hello'],
    ['{{ text }}/{{\n text\t}}', { text: 'a' }, 'a/a'],
    ['{{a}}{{b}}{{a}}', { a: 1, b: 2 }, '121'],
    ['{{{a}}}', { a: 'x' }, '{x}'],
    ['{"json": {"b": {{a}}}}', { a: 3 }, '{"json": {"b": 3}}'],
    ['a } }} { b', {}, 'a } }} { b'],
    ['\\{{a}}', { a: 'x' }, '{{a}}'],
    ['\\\\{{a}}', { a: 'x' }, '\\x'],
    ['\\\\\\{{a}}', {}, '\\{{a}}'],
    ['\\frac{a} \\n', {}, '\\frac{a} \\n'],
    ['{{"first name"}} {{ "a}}b" }} {{" x "}}', { 'first name': 'Ann', 'a}}b': 1, ' x ': 2 }, 'Ann 1 2'],
    ['{{first name}} {{größe}} {{a.b}}', { 'first name': 'Ann', größe: 1, 'a.b': 2 }, 'Ann 1 2'],
    ['{{a "b"}}', { 'a "b"': 1 }, '1'],
  ])('%s with %j is %s', (template, row, text) => {
    expect(filled(template, row)).toBe(text);
  });

  it.each<[unknown, string]>([
    ['', ''],
    [1.5, '1.5'],
    [1e21, '1e+21'],
    [Number.NaN, 'NaN'],
    [9007199254740993n, '9007199254740993'],
    [true, 'true'],
    [{ a: [1, null, 'x\n'] }, '{"a":[1,null,"x\\n"]}'],
    [[2n ** 64n], '[18446744073709551616]'],
    [new Date(0), '"1970-01-01T00:00:00.000Z"'],
  ])('has %s as %s', (value, text) => {
    expect(filled('{{v}}', { v: value })).toBe(text);
  });

  it('names the columns that have no value in a row', () => {
    expect(filled('{{a}} {{b}} {{c}} {{a}}', { a: null, b: '' })).toEqual({ absent: ['a', 'c'] });
  });

  it.each([
    ['{{', 'the braces at character 1 are not closed; for two braces as text write \\{{'],
    ['a {{b', 'the braces at character 3 are not closed; for two braces as text write \\{{'],
    ['{{ }}', 'the braces at character 1 name no column; for two braces as text write \\{{'],
    ['{{a{b}}', '"{{a{b}}" names no column; for two braces as text write \\{{'],
    ['{{"a\nb\n}}', '"{{\\"a\\nb}}" names no column; for two braces as text write \\{{'],
  ])('%j is refused', (template, message) => {
    expect(() => parseTemplate(template)).toThrow(message);
  });

  it('replaces nothing of what is in a column', () => {
    const text = fc.oneof(fc.string(), fc.constantFrom('{{a}}', '{{b}}', '\\{{a}}', '$&', '$1', '{{{'));
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(filled('<{{a}}|{{b}}>', { a, b })).toBe(`<${a}|${b}>`);
      }),
    );
  });

  it('without columns is its text, whatever stands in it', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(constantText(parseTemplate(text.replaceAll('{{', '{ {')))).toBe(text.replaceAll('{{', '{ {'));
      }),
    );
    expect(constantText(parseTemplate('{{a}}'))).toBeUndefined();
  });
});
