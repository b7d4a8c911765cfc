import { styleText } from 'node:util';

/** The few styles of the views. */
export interface Style {
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly warn: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly bold: (text: string) => string;
}

const plain = (text: string): string => text;

/** No styles: files, pipes and `NO_COLOR`. */
const NO_STYLE: Style = { good: plain, bad: plain, warn: plain, dim: plain, bold: plain };

type Format = Parameters<typeof styleText>[0];

/** Colours the text whatever standard output is: who calls has decided. */
function styled(format: Format): (text: string) => string {
  return (text) => styleText(format, text, { validateStream: false });
}

const COLOURS: Style = {
  good: styled('green'),
  bad: styled('red'),
  warn: styled('yellow'),
  dim: styled('dim'),
  bold: styled('bold'),
};

/** The styles of a terminal. `FORCE_COLOR` comes first, as in Node itself, then `NO_COLOR` (https://no-color.org). */
export function chooseStyle(env: NodeJS.ProcessEnv): Style {
  const { FORCE_COLOR: force, NO_COLOR: no } = env;
  if (force !== undefined) return force === '0' || force === 'false' ? NO_STYLE : COLOURS;
  return no !== undefined && no !== '' ? NO_STYLE : COLOURS;
}
