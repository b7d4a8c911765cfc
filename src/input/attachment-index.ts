import { MEDIA_TYPES, type MediaType } from './media.js';

/** An attachment that is staged: its content is an object of its own, named by its hash. */
export interface StagedAttachment extends MediaType {
  /** SHA-256 of its content, hex. */
  readonly sha256: string;
  readonly bytes: number;
}

/**
 * Which items have a staged attachment: fixed-width records in item order, so that a range read gives those of any
 * consecutive items. A record is the hash (32 bytes), the length as float64, little-endian, and the number of the media
 * type plus one as a byte; all zeros where there is none.
 */
export const ATTACHMENT_RECORD_BYTES = 48;

const HASH_BYTES = 32;
const LENGTH_AT = HASH_BYTES;
const MEDIA_AT = LENGTH_AT + 8;

/** The record of one item. */
export function encodeAttachment(attachment: StagedAttachment | undefined): Uint8Array {
  const record = new Uint8Array(ATTACHMENT_RECORD_BYTES);
  if (attachment === undefined) return record;
  record.set(Buffer.from(attachment.sha256, 'hex'));
  const view = new DataView(record.buffer);
  view.setFloat64(LENGTH_AT, attachment.bytes, true);
  view.setUint8(MEDIA_AT, 1 + MEDIA_TYPES.findIndex(({ mediaType }) => mediaType === attachment.mediaType));
  return record;
}

/** Reads the records of consecutive items. Throws a `RangeError` for what no version of this code wrote. */
export function decodeAttachments(bytes: Uint8Array): (StagedAttachment | undefined)[] {
  if (bytes.byteLength % ATTACHMENT_RECORD_BYTES !== 0) throw new RangeError('the attachment index is cut off');
  return Array.from({ length: bytes.byteLength / ATTACHMENT_RECORD_BYTES }, (_, position) =>
    decode(bytes.subarray(position * ATTACHMENT_RECORD_BYTES, (position + 1) * ATTACHMENT_RECORD_BYTES)),
  );
}

function decode(record: Uint8Array): StagedAttachment | undefined {
  const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
  const number = view.getUint8(MEDIA_AT);
  if (number === 0) return undefined;
  const media = MEDIA_TYPES[number - 1];
  if (media === undefined) throw new RangeError(`the attachment index has a media type ${number} that is not known`);
  const sha256 = Buffer.from(record.subarray(0, HASH_BYTES)).toString('hex');
  return { ...media, sha256, bytes: view.getFloat64(LENGTH_AT, true) };
}
