/**
 * Text from outside (model ids, errors) as plain text inside Markdown: on one line, and with nothing in it that would
 * end a table cell, start HTML, a link or emphasis. Every ASCII punctuation mark may be escaped by a backslash
 * (CommonMark 2.4); only those that mean something within a line are.
 */
export function plainMarkdown(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim()
    .replace(/[\\`*_[\]<>&|~#!]/g, '\\$&');
}
