import type { Row } from './rows.js';

const PLACEHOLDER = /\{\{\s*(file|row)\s*\}\}/g;

/** Returns the id of a row by a template with `{{file}}` and `{{row}}`. */
export function fillIdTemplate(template: string, { file, number }: Pick<Row, 'file' | 'number'>): string {
  return template.replace(PLACEHOLDER, (_, name: string) => (name === 'file' ? file : String(number)));
}
