import type { RowBlock } from '../row-block.js';

/** Reads the blocks of rows that the page holds, one after another; each is taken out of the page when it is read. */
export async function* blocks(): AsyncGenerator<RowBlock, void, undefined> {
  for (const element of document.querySelectorAll('script.rows')) {
    const bytes = fromBase64(element.textContent ?? '');
    element.remove();
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
    const block: RowBlock = await new Response(stream).json();
    yield block;
  }
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = binary.charCodeAt(at);
  return bytes;
}
