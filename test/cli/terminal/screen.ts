import { widthOf } from '../../../src/cli/terminal/text.js';

const TOKEN = /\p{Cc}\[(\??[\d;]*)([A-Za-z])|[\r\n]|\P{Cc}/gu;

/** A terminal of a given size: enough of one to see what drawing in place leaves on the screen. */
export class Screen {
  isCursorShown = true;
  private lines: string[] = [''];
  private row = 0;
  private column = 0;

  constructor(
    readonly columns: number,
    readonly rows: number,
  ) {}

  /** All lines since the start, those that scrolled out included, without the empty ones at the end. */
  get text(): string[] {
    const lines = this.lines.map((line) => line.trimEnd());
    while (lines.at(-1) === '') lines.pop();
    return lines;
  }

  write(text: string): void {
    let taken = 0;
    for (const [token, parameter = '', final] of text.matchAll(TOKEN)) {
      taken += token.length;
      if (final !== undefined) this.control(parameter, final);
      else if (token === '\n') this.moveTo(this.row + 1, 0);
      else if (token === '\r') this.column = 0;
      else this.print(token);
    }
    if (taken !== text.length) throw new Error(`the screen does not know some of ${JSON.stringify(text)}`);
  }

  private control(parameter: string, final: string): void {
    const line = this.lines[this.row] ?? '';
    if (final === 'A') this.row = Math.max(this.row - Number(parameter), this.lines.length - this.rows, 0);
    else if (final === 'K') this.lines[this.row] = line.slice(0, this.column);
    else if (final === 'J') this.lines.splice(this.row, this.lines.length, line.slice(0, this.column));
    else if (final === 'h' || final === 'l') this.isCursorShown = final === 'h';
    else if (final !== 'm') throw new Error(`the screen does not know CSI ${parameter}${final}`);
  }

  private print(character: string): void {
    if (this.column + widthOf(character) > this.columns) this.moveTo(this.row + 1, 0);
    const line = (this.lines[this.row] ?? '').padEnd(this.column);
    this.lines[this.row] = line.slice(0, this.column) + character + line.slice(this.column + character.length);
    this.column += character.length;
  }

  private moveTo(row: number, column: number): void {
    while (this.lines.length <= row) this.lines.push('');
    this.row = row;
    this.column = column;
  }
}
