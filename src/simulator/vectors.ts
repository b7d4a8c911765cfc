import { createHash } from 'node:crypto';

/** Numbers of a vector, if a request asks for no other. */
export const DIMENSIONS = 64;

/** Returns the vector of an input: of length 1, and the same for the same model and input. */
export function vectorOf(model: string, input: string, dimensions = DIMENSIONS): Float32Array {
  const numbers = new Float32Array(dimensions);
  for (let at = 0; at < dimensions; at += 8) {
    const digest = digestOf(model, input, at);
    for (let n = 0; n < 8 && at + n < dimensions; n++) numbers[at + n] = digest.readInt32LE(4 * n) / 2 ** 31;
  }
  const length = Math.hypot(...numbers);
  return numbers.map((number) => number / length);
}

function digestOf(model: string, input: string, at: number): Buffer {
  return createHash('sha256').update(`${model}\0${at}\0${input}`).digest();
}

/** Returns a vector as an answer has it. */
export function written(vector: Float32Array, format: 'float' | 'base64'): number[] | string {
  if (format === 'float') return [...vector];
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString('base64');
}
