import { InputError } from './errors.js';
import { printable } from './excerpt.js';

/** First bytes of what people give by mistake for a text in UTF-8. */
const OTHER_FORMATS: readonly { readonly magic: readonly number[]; readonly message: string }[] = [
  { magic: [0xff, 0xfe], message: 'is UTF-16: save it as UTF-8' },
  { magic: [0xfe, 0xff], message: 'is UTF-16: save it as UTF-8' },
  { magic: [0x1f, 0x8b], message: 'is compressed with gzip: give what "gzip -dc" makes of it' },
  { magic: [0x28, 0xb5, 0x2f, 0xfd], message: 'is compressed with zstd: give what "zstd -dc" makes of it' },
  { magic: [0x50, 0x4b, 0x03, 0x04], message: 'is a zip archive: give the JSONL file that is in it' },
];

/** Throws {@link InputError} `NOT_TEXT` when the input's first bytes are those of another format that is easily met. */
export function refuseOtherFormats(name: string, firstLine: Uint8Array): void {
  const found = OTHER_FORMATS.find(({ magic }) => magic.every((byte, at) => firstLine[at] === byte));
  if (found !== undefined) throw new InputError('NOT_TEXT', name, `${printable(name)} ${found.message}`);
}
