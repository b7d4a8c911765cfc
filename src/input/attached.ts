import type { InputLine } from '../batch/items.js';
import { attachedParts } from '../batch/message-parts.js';
import type { MediaModality, Modality } from '../batch/modality.js';
import { mediaOf, wordsOf } from '../batch/modality.js';
import { AttachmentError } from './errors.js';
import { excerpt } from './excerpt.js';

/** One of the attachments of an item, as its line has it. */
export interface AttachedText {
  /** A path, or an http(s) or data: URL. */
  readonly text: string;
  /** The field that it stands in. */
  readonly field: 'attachment' | 'attachments' | 'messages';
  /** What it must be; undefined if it may be any. */
  readonly wants?: MediaModality | undefined;
}

const NONE: readonly AttachedText[] = [];

/** Returns the attachments of an item in the order in which they are sent: `attachment`, then `attachments`; of messages their paths. */
export function attachedTexts({ attachment, attachments, messages }: InputLine): readonly AttachedText[] {
  if (attachment === undefined && attachments === undefined && messages === undefined) return NONE;
  const parts = messages === undefined ? [] : attachedParts(messages);
  return [
    ...(attachment === undefined ? [] : [{ text: attachment, field: 'attachment' } as const]),
    ...(attachments ?? []).map((text) => ({ text, field: 'attachments' }) as const),
    ...parts.map(({ text, wants }) => ({ text, wants, field: 'messages' }) as const),
  ];
}

/** Returns why an attachment cannot stand in its part; undefined if it can. */
export function misplaced({ text, wants }: AttachedText, modality: Modality): AttachmentError | undefined {
  if (wants === undefined || mediaOf(modality).includes(wants)) return undefined;
  return new AttachmentError(
    'UNSUPPORTED',
    `${excerpt(text)} is no part for ${wordsOf(wants)}, but for ${wordsOf(modality)}: a part of the type "file" takes each, as {"type": "file", "file": {"path": "…"}}`,
  );
}
