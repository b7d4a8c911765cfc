import { connect } from 'node:http2';

// Two calls by hand, because loading a gRPC library takes longer than the server takes to start.

/** A protobuf field of wire type 2 (bytes, strings, messages); `value` is under 128 bytes. */
export function lengthDelimited(field: number, value: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(field << 3) | 2, value.length]), value]);
}

/** A protobuf field of wire type 0 (integers). */
export function varint(field: number, value: number): Buffer {
  const bytes = [field << 3];
  let rest = value;
  while (rest > 127) {
    bytes.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}

/**
 * A unary gRPC call to a loopback port without TLS. Resolves to the gRPC status (0 is OK) and the answer's message
 * without its 5-byte frame head. Rejects when there is no answer: connection refused, or nothing within `timeoutMs`.
 * Framing as in the gRPC-over-HTTP/2 specification.
 */
export function callUnary(
  port: number,
  method: string,
  message: Buffer,
  timeoutMs: number,
): Promise<{ status: number; message: Buffer }> {
  return new Promise((resolve, reject) => {
    const session = connect(`http://127.0.0.1:${port}`);
    const timer = setTimeout(() => session.destroy(new Error(`no answer in ${timeoutMs} ms`)), timeoutMs);
    const chunks: Buffer[] = [];
    let status: number | undefined;
    session.once('error', reject);
    session.once('close', () => {
      clearTimeout(timer);
      if (status === undefined) reject(new Error('the connection closed without an answer'));
      else resolve({ status, message: Buffer.concat(chunks).subarray(5) });
    });
    const stream = session.request({
      ':method': 'POST',
      ':path': method,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    const readStatus = (headers: NodeJS.Dict<unknown>): void => {
      if (headers['grpc-status'] !== undefined) status = Number(headers['grpc-status']);
    };
    // An answer that is an error may be headers only.
    stream.on('response', readStatus);
    stream.on('trailers', readStatus);
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', reject);
    stream.on('close', () => session.close());
    stream.end(frame(message));
  });
}

function frame(message: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}
