import { crc32 } from 'node:zlib';
import type { RecordList } from '../input/attachment-stamps.js';
import { MEDIA_TYPES, type MediaType } from '../input/media.js';

/** A staged attachment: its content is an object named by its hash. */
export interface StagedAttachment extends MediaType {
  /** SHA-256 of its content, hex. */
  readonly sha256: string;
  readonly bytes: number;
}

/**
 * Size of a record in the index of staged attachments (bytes). Records are in item order, so that one range read returns
 * those of consecutive items. A record is the hash (32 bytes), the length as little-endian float64, the number of the media
 * type plus one as a byte, and at its end the CRC-32 of all that as uint32; all zeros for an item without a staged attachment.
 * Those of an item with several attachments are behind the records of all items, one after another: its own record has 255 in
 * the place of the media type, the number of the first of them in that of the length, and their number as uint32 in that of the hash.
 */
export const ATTACHMENT_RECORD_BYTES = 48;

const HASH_BYTES = 32;
const LENGTH_AT = HASH_BYTES;
const MEDIA_AT = LENGTH_AT + 8;
const CRC_AT = ATTACHMENT_RECORD_BYTES - 4;

/** Returns the record of one item. */
export function encodeAttachment(attachment: StagedAttachment | undefined): Uint8Array {
  const record = new Uint8Array(ATTACHMENT_RECORD_BYTES);
  if (attachment === undefined) return record;
  record.set(Buffer.from(attachment.sha256, 'hex'));
  const view = new DataView(record.buffer);
  view.setFloat64(LENGTH_AT, attachment.bytes, true);
  view.setUint8(MEDIA_AT, 1 + MEDIA_TYPES.findIndex(({ mediaType }) => mediaType === attachment.mediaType));
  view.setUint32(CRC_AT, crc32(record.subarray(0, CRC_AT)), true);
  return record;
}

/** Media type of a record that says where others are. */
const LIST = 255;

/** Returns the record of an item with several attachments. */
export function encodeList({ first, count }: RecordList): Uint8Array {
  const record = new Uint8Array(ATTACHMENT_RECORD_BYTES);
  const view = new DataView(record.buffer);
  view.setUint32(0, count, true);
  view.setFloat64(LENGTH_AT, first, true);
  view.setUint8(MEDIA_AT, LIST);
  view.setUint32(CRC_AT, crc32(record.subarray(0, CRC_AT)), true);
  return record;
}

/** Returns true for a record that says where others are. */
export function isList(record: StagedAttachment | RecordList | undefined): record is RecordList {
  return record !== undefined && 'first' in record;
}

/** Reads the records of consecutive items. Throws a `RangeError` for bytes that are not records. */
export function decodeAttachments(bytes: Uint8Array): (StagedAttachment | RecordList | undefined)[] {
  if (bytes.byteLength % ATTACHMENT_RECORD_BYTES !== 0) throw new RangeError('the attachment index is cut off');
  return Array.from({ length: bytes.byteLength / ATTACHMENT_RECORD_BYTES }, (_, position) =>
    decode(bytes.subarray(position * ATTACHMENT_RECORD_BYTES, (position + 1) * ATTACHMENT_RECORD_BYTES)),
  );
}

function decode(record: Uint8Array): StagedAttachment | RecordList | undefined {
  const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
  if (record.every((byte) => byte === 0)) return undefined;
  if (view.getUint32(CRC_AT, true) !== crc32(record.subarray(0, CRC_AT))) {
    throw new RangeError('the attachment index has a record that is not what was written');
  }
  const number = view.getUint8(MEDIA_AT);
  if (number === LIST) return { first: view.getFloat64(LENGTH_AT, true), count: view.getUint32(0, true) };
  const media = MEDIA_TYPES[number - 1];
  if (media === undefined) throw new RangeError(`the attachment index has a media type ${number} that is not known`);
  const sha256 = Buffer.from(record.subarray(0, HASH_BYTES)).toString('hex');
  return { ...media, sha256, bytes: view.getFloat64(LENGTH_AT, true) };
}
