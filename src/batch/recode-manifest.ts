import { countLayout, decodeLayout, encodeLayout, type LayoutCode } from './layout.js';
import type { Manifest } from './manifest.js';
import { addModalities, noModalityCounts } from './modality.js';

/**
 * Returns a manifest whose items are what `change` returns of them, with its counts. `item`: index in the run; `chunk`: number
 * of its chunk.
 */
export function recodeManifest(
  manifest: Manifest,
  change: (item: number, code: LayoutCode, chunk: number) => LayoutCode,
): Manifest {
  let modalities = noModalityCounts();
  let [invalid, twins, reused] = [0, 0, 0];
  const chunks = manifest.chunks.map((chunk) => {
    const layout = encodeLayout(
      decodeLayout(chunk.layout).map((code, at) => change(chunk.first + at, code, chunk.chunk)),
    );
    const counts = countLayout(layout);
    modalities = addModalities(modalities, counts.asked);
    invalid += counts.invalid;
    twins += counts.twins;
    reused += counts.reused;
    return { ...chunk, layout };
  });
  return { ...manifest, modalities, invalid, twins, reused, chunks };
}
