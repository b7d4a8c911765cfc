/** Returns what messages call an input of some files. */
export function nameOfInput([first = '', ...others]: readonly string[]): string {
  return others.length === 0 ? first : `${first} and ${others.length} more`;
}
