/** What an item's attachment asks of a model. An item without an attachment is `text`. */
export type Modality = 'text' | 'vision' | 'audio';

/** All modalities, in the order in which they are counted and shown. */
export const MODALITIES = ['text', 'vision', 'audio'] as const satisfies readonly Modality[];

/** One count per modality. */
export type ModalityCounts = Record<Modality, number>;

/** Fresh counts, all 0. */
export function noModalityCounts(): ModalityCounts {
  return { text: 0, vision: 0, audio: 0 };
}
