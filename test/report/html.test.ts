import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { escapeHtml, html, scriptJson, trusted } from '../../src/report/html.js';

const ATTACK = '</script><script>alert(1)</script><img src=x onerror="alert(\'1\')">&amp;';

describe('html', () => {
  it('keeps what is put in as text, in elements, attributes and lists', () => {
    const { text } = html`<p title="${ATTACK}">${ATTACK}${[ATTACK, html`<b>${1}</b>`]}</p>`;
    expect(text.match(/<\/?\w+/g)).toEqual(['<p', '<b', '</b', '</p']);
    expect(text.match(/"/g)).toHaveLength(2);
  });

  it('leaves our own as it is, and nothing where there is nothing', () => {
    expect(html`a${undefined}${trusted('<i>')}${['', 'b']}`.text).toBe('a<i>b');
  });

  it('can be read back whatever the text is', () => {
    const entities = { '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'", '&amp;': '&' };
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const escaped = escapeHtml(text);
        expect(escaped).not.toMatch(/[<>"']/);
        expect(escaped.replace(/&(?:lt|gt|quot|#39|amp);/g, (entity) => Reflect.get(entities, entity))).toBe(text);
      }),
    );
  });
});

describe('JSON in a script element', () => {
  it('ends no element and is the same value', () => {
    const { text } = scriptJson({ [ATTACK]: [ATTACK, '<!--'] });
    expect(text).not.toContain('<');
    expect(JSON.parse(text)).toEqual({ [ATTACK]: [ATTACK, '<!--'] });
  });
});
