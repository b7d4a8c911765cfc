/** Returns the text of a message's content, without its attachments. */
export function textOf(content: string | readonly { readonly type: string; readonly text?: string }[]): string {
  if (typeof content === 'string') return content;
  return content.map(({ text = '' }) => text).join('');
}
