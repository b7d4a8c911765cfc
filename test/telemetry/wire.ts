/** A field of a protobuf message as it is on the wire: a number, or bytes that may be a text or a message. */
export type WireField = { readonly number: bigint } | { readonly bytes: Buffer };

/** Reads a protobuf message without its schema: by field number, every value that is there. */
export function readMessage(bytes: Buffer): Map<number, WireField[]> {
  const fields = new Map<number, WireField[]>();
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes.readUInt8(at++);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const take = (length: number): Buffer => {
    if (at + length > bytes.length) throw new Error('a protobuf message that ends too early');
    at += length;
    return bytes.subarray(at - length, at);
  };
  const read = (type: number): WireField => {
    if (type === 0) return { number: varint() };
    if (type === 1) return { number: take(8).readBigUInt64LE() };
    if (type === 2) return { bytes: take(Number(varint())) };
    if (type === 5) return { number: BigInt(take(4).readUInt32LE()) };
    throw new Error(`a protobuf field of type ${type}`);
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    fields.set(tag >>> 3, [...(fields.get(tag >>> 3) ?? []), read(tag & 7)]);
  }
  return fields;
}

/** The messages of a repeated field. */
export function messages(
  message: ReadonlyMap<number, readonly WireField[]>,
  field: number,
): Map<number, WireField[]>[] {
  return (message.get(field) ?? []).map((value) => readMessage('bytes' in value ? value.bytes : Buffer.alloc(0)));
}

/** A field's text; empty when it is absent, as protobuf has it. */
export function text(message: ReadonlyMap<number, readonly WireField[]>, field: number): string {
  return bytesOf(message, field).toString('utf8');
}

/** A field's bytes. */
export function bytesOf(message: ReadonlyMap<number, readonly WireField[]>, field: number): Buffer {
  const value = message.get(field)?.at(-1);
  return value !== undefined && 'bytes' in value ? value.bytes : Buffer.alloc(0);
}

/** A field's number, as its bits stand; undefined when it is absent. */
export function bits(message: ReadonlyMap<number, readonly WireField[]>, field: number): bigint | undefined {
  const value = message.get(field)?.at(-1);
  return value !== undefined && 'number' in value ? value.number : undefined;
}

/** Bits as the floating-point number that they are. */
export function asDouble(value: bigint): number {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64LE(value);
  return buffer.readDoubleLE();
}
