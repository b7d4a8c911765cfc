import { stripVTControlCharacters } from 'node:util';
import { widthOf } from './text.js';

const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';
const ERASE_LINE_END = '\u001b[K';
const ERASE_BELOW = '\u001b[J';

/** Lines that stand at the bottom of a terminal's output and are drawn over. */
export interface Block {
  /** Puts the lines in the place of those drawn before. */
  draw(lines: readonly string[]): void;
  /** Prints `text` (whole lines) above the block, or in the place where it would be. */
  printAbove(text: string): void;
  /** Takes the lines away. */
  erase(): void;
  /** Leaves the lines where they are for good and shows the cursor. */
  leave(): void;
}

/**
 * A block on a terminal. Each line ends with a line end, so the cursor waits below; each change is one write, and each
 * line is written before its rest is erased, so nothing flickers.
 */
export function createBlock(write: (text: string) => void, columns: () => number): Block {
  let drawn: readonly string[] = [];
  let isHidden = false;
  const rowsDrawn = (): number => drawn.reduce((sum, line) => sum + rowsOf(line, columns()), 0);
  const home = (): string => {
    const rows = rowsDrawn();
    return rows === 0 ? '' : `\u001b[${rows}A\r`;
  };
  const leave = (): void => {
    drawn = [];
    if (!isHidden) return;
    isHidden = false;
    process.off('exit', leave);
    write(SHOW_CURSOR);
  };
  const hide = (): string => {
    if (isHidden) return '';
    isHidden = true;
    // However the process ends, the person gets the cursor back.
    process.once('exit', leave);
    return HIDE_CURSOR;
  };
  const draw = (lines: readonly string[]): void => {
    const body = lines.map((line) => `${line}${ERASE_LINE_END}\n`).join('');
    write(`${hide()}${home()}${body}${ERASE_BELOW}`);
    drawn = lines;
  };
  const printAbove = (text: string): void => {
    // Line by line: a terminal such as tmux keeps a screen that is erased from its first row, and with it the block.
    const body = `${text}${drawn.map((line) => `${line}\n`).join('')}`.replaceAll('\n', `${ERASE_LINE_END}\n`);
    write(drawn.length === 0 ? text : `${home()}${body}${ERASE_BELOW}`);
  };
  const erase = (): void => {
    if (drawn.length > 0) write(`${home()}${`${ERASE_LINE_END}\n`.repeat(rowsDrawn())}${home()}`);
    drawn = [];
  };
  return { draw, printAbove, erase, leave };
}

/** Rows that a line takes: a terminal that became narrower has wrapped it. */
function rowsOf(line: string, columns: number): number {
  return Math.max(1, Math.ceil(widthOf(stripVTControlCharacters(line)) / columns));
}
