import { InputError } from './errors.js';
import { printable } from './excerpt.js';

/** First bytes of what people give by mistake for a text in UTF-8. */
const OTHER_FORMATS: readonly { readonly magic: readonly number[]; readonly message: string }[] = [
  { magic: [0xff, 0xfe], message: 'is UTF-16: save it as UTF-8' },
  { magic: [0xfe, 0xff], message: 'is UTF-16: save it as UTF-8' },
  { magic: [0x1f, 0x8b], message: 'is compressed with gzip: give what "gzip -dc" makes of it' },
  { magic: [0x28, 0xb5, 0x2f, 0xfd], message: 'is compressed with zstd: give what "zstd -dc" makes of it' },
  {
    magic: ascii('PK\x03\x04'),
    message: 'is a zip archive or an Excel file: give the file that is in it, or save it as CSV',
  },
  { magic: ascii('BZh'), message: 'is compressed with bzip2: give what "bzip2 -dc" makes of it' },
  { magic: [0xfd, ...ascii('7zXZ')], message: 'is compressed with xz: give what "xz -dc" makes of it' },
  { magic: ascii('PARE'), message: 'is Parquet with an encrypted footer, which is not read' },
  { magic: ascii('ARROW1'), message: 'is an Arrow (Feather) file: write it as Parquet' },
  { magic: ascii('Obj\x01'), message: 'is an Avro file: write it as Parquet or JSONL' },
  { magic: ascii('SQLite format 3\0'), message: 'is a SQLite database: export its table as CSV' },
  { magic: ascii('%PDF-'), message: 'is a PDF' },
];

function ascii(text: string): number[] {
  return [...Buffer.from(text, 'latin1')];
}

/** Throws {@link InputError} `NOT_TEXT` when the input's first bytes are those of another format that is easily met. */
export function refuseOtherFormats(name: string, firstLine: Uint8Array): void {
  const found =
    OTHER_FORMATS.find(({ magic }) => magic.every((byte, at) => firstLine[at] === byte)) ?? utf16(firstLine);
  if (found !== undefined) throw new InputError('NOT_TEXT', name, `${printable(name)} ${found.message}`);
}

/** Characters of UTF-16 that are looked at, where no byte-order mark names it: in most texts every other byte is NUL. */
const UTF16_CHARACTERS = 16;

function utf16(head: Uint8Array): { readonly message: string } | undefined {
  const bytes = head.subarray(0, 2 * UTF16_CHARACTERS);
  if (bytes.length < 2 * UTF16_CHARACTERS) return undefined;
  const isNul = (parity: number): boolean => bytes.every((byte, at) => (at % 2 === parity) === (byte === 0));
  return isNul(0) || isNul(1) ? { message: 'is UTF-16: save it as UTF-8' } : undefined;
}
