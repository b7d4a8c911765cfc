import { crc32 } from 'node:zlib';
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

/** Reads the records of consecutive items. Throws a `RangeError` for bytes that are not records. */
export function decodeAttachments(bytes: Uint8Array): (StagedAttachment | undefined)[] {
  if (bytes.byteLength % ATTACHMENT_RECORD_BYTES !== 0) throw new RangeError('the attachment index is cut off');
  return Array.from({ length: bytes.byteLength / ATTACHMENT_RECORD_BYTES }, (_, position) =>
    decode(bytes.subarray(position * ATTACHMENT_RECORD_BYTES, (position + 1) * ATTACHMENT_RECORD_BYTES)),
  );
}

function decode(record: Uint8Array): StagedAttachment | undefined {
  const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
  if (record.every((byte) => byte === 0)) return undefined;
  if (view.getUint32(CRC_AT, true) !== crc32(record.subarray(0, CRC_AT))) {
    throw new RangeError('the attachment index has a record that is not what was written');
  }
  const number = view.getUint8(MEDIA_AT);
  const media = MEDIA_TYPES[number - 1];
  if (media === undefined) throw new RangeError(`the attachment index has a media type ${number} that is not known`);
  const sha256 = Buffer.from(record.subarray(0, HASH_BYTES)).toString('hex');
  return { ...media, sha256, bytes: view.getFloat64(LENGTH_AT, true) };
}
