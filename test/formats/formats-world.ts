import type { JsonSchema } from '../../src/batch/options.js';
import type { OutputFormat } from '../../src/batch/output-format.js';
import { type RenderedRun, render } from '../../src/formats/render.js';

/** What a test renders, and how. */
export interface Rendering extends Partial<RenderedRun> {
  readonly lines: readonly (object | string)[];
  readonly flatten?: boolean;
  /** Size of the pieces that the lines come in (bytes). */
  readonly piece?: number;
}

/** Returns output lines in a format; a line that is a text is taken as it is. */
export async function renderedAs(
  name: OutputFormat,
  { lines, flatten = false, piece = 7, detail = false, schema, api, facts = { run: 'run' } }: Rendering,
): Promise<Buffer> {
  const text = lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join('');
  const pieces: Uint8Array[] = [];
  for await (const bytes of render(
    () => cut(Buffer.from(text), piece),
    { name, flatten },
    { detail, schema, api, facts },
  )) {
    pieces.push(bytes);
  }
  return Buffer.concat(pieces);
}

async function* cut(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** Returns the schema of an object with these fields, all required. */
export function objectOf(properties: JsonSchema): JsonSchema {
  return { type: 'object', properties, required: Object.keys(properties), additionalProperties: false };
}

/** An answer's output line. */
export function answer(id: string | number, output: string, more: object = {}): object {
  return { id, model: 'm', output, ...more, tokens: 5 };
}
