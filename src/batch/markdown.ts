/**
 * Text from outside (model ids, errors) as plain text inside Markdown: on one line, and with nothing in it that would
 * end a table cell, start HTML, a link or emphasis. Every ASCII punctuation mark may be escaped by a backslash
 * (CommonMark 2.4); only those that mean something within a line are, and two hyphens
 * in a row, of which the Web UI would make a dash.
 */
export function plainMarkdown(text: string): string {
  return oneLine(text).replace(/[\\`*_[\]<>&|~#!]|-(?=-)|(?<=-)-/g, '\\$&');
}

/** A command, or other text that is shown letter by letter, as a code span: backticks, which would end it, are left out. */
export function codeMarkdown(text: string): string {
  return `\`${oneLine(text).replaceAll('`', '')}\``;
}

function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, ' ').trim();
}
