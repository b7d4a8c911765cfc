/**
 * What an item's attachments ask of a model, all together: pictures (`vision`), sounds (`audio`), PDFs (`document`), or several
 * of them. An item without attachments is `text`. The same words say what a model takes.
 */
export type Modality = (typeof MODALITIES)[number];

/** All modalities, in the order in which they are counted and shown. */
export const MODALITIES = [
  'text',
  'vision',
  'audio',
  'document',
  'vision+audio',
  'vision+document',
  'audio+document',
  'vision+audio+document',
] as const;

/** What a single attachment asks of a model. */
export type MediaModality = 'vision' | 'audio' | 'document';

const MEDIA = ['vision', 'audio', 'document'] as const satisfies readonly MediaModality[];

/** One count per modality. Those that were not always there are absent if they are 0. */
export type ModalityCounts = Record<'text' | 'vision' | 'audio', number> & { [other in Modality]?: number };

/** Fresh counts, all 0. */
export function noModalityCounts(): ModalityCounts {
  return { text: 0, vision: 0, audio: 0 };
}

/** Returns the count of a modality. */
export function countOf(counts: Readonly<ModalityCounts>, modality: Modality): number {
  return counts[modality] ?? 0;
}

/** Returns counts with so many more of a modality. */
export function withMore(counts: Readonly<ModalityCounts>, modality: Modality, more: number): ModalityCounts {
  return more === 0 ? counts : { ...counts, [modality]: countOf(counts, modality) + more };
}

/** Adds two counts by modality. */
export function addModalities(a: Readonly<ModalityCounts>, b: Readonly<ModalityCounts>): ModalityCounts {
  return MODALITIES.reduce((sum, modality) => withMore(sum, modality, countOf(b, modality)), a);
}

/** Returns the sum of counts by modality. */
export function sumOfModalities(counts: Readonly<ModalityCounts>): number {
  return MODALITIES.reduce((sum, modality) => sum + countOf(counts, modality), 0);
}

/** Returns how many items have attachments. */
export function attachedItems(counts: Readonly<ModalityCounts>): number {
  return sumOfModalities(counts) - counts.text;
}

/** Returns what several attachments, or several words about a model, come to together. */
export function joinModalities(modalities: Iterable<Modality>): Modality {
  const all = new Set([...modalities].flatMap(mediaOf));
  const name = MEDIA.filter((media) => all.has(media)).join('+');
  return MODALITIES.find((modality) => modality === name) ?? 'text';
}

/** Returns the kinds of attachments that a modality is made of; none for text. */
export function mediaOf(modality: Modality): readonly MediaModality[] {
  return MEDIA.filter((media) => modality.split('+').includes(media));
}

/** Returns true if one modality has all that another has: a model that takes it takes the other. */
export function includesModality(modality: Modality, other: Modality): boolean {
  const media = mediaOf(modality);
  return mediaOf(other).every((one) => media.includes(one));
}

const WORDS: Readonly<Record<MediaModality, string>> = { vision: 'pictures', audio: 'sounds', document: 'PDFs' };

/** Returns what is attached to items of a modality, in words: `pictures and sounds`. */
export function wordsOf(modality: Modality): string {
  const words = mediaOf(modality).map((media) => WORDS[media]);
  return words.length === 0 ? 'text' : words.join(' and ');
}
