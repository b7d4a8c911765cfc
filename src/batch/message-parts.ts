import type { ChatMessage } from './items.js';
import { joinModalities, type MediaModality, type Modality } from './modality.js';

/** A part of a message's content. */
export interface MessagePart {
  readonly type?: unknown;
  readonly [field: string]: unknown;
}

/** Something with a content: a message, or an entry of an input. */
export type WithContent = Pick<ChatMessage, 'content'>;

/** A part whose picture, sound or file is not in the message: an attachment stands for it. */
export interface AttachedPart {
  readonly part: MessagePart;
  /** The attachment: a path. */
  readonly text: string;
  /** What it must be; undefined for a `file`, which may be any. */
  readonly wants: MediaModality | undefined;
}

/** Types of parts that are no text, with what they ask of a model. */
const MEDIA: Readonly<Record<string, MediaModality>> = {
  image_url: 'vision',
  input_image: 'vision',
  input_audio: 'audio',
  audio_url: 'audio',
  file: 'document',
  input_file: 'document',
};

/** Returns the parts of a message; its text alone is one. What is no part of an object's form is left out. */
export function partsOf({ content }: WithContent): readonly MessagePart[] {
  if (typeof content === 'string') return [{ type: 'text', text: content }];
  if (!Array.isArray(content)) return [];
  return content.filter(isPart);
}

/** Returns true for an object. */
export function isPart(part: unknown): part is MessagePart {
  return typeof part === 'object' && part !== null && !Array.isArray(part);
}

/**
 * Returns the attachment that a part names by its path: the `url` of an `image_url` or an `audio_url` that is no URL, and the
 * `path` of an `input_audio` or a `file`. Undefined for a part that has its content, or a URL of it.
 */
export function attachedPart(part: MessagePart): AttachedPart | undefined {
  const { type } = part;
  const about = typeof type === 'string' ? part[type] : undefined;
  switch (type) {
    case 'image_url':
    case 'audio_url': {
      const url = isPart(about) ? about.url : about;
      const isPath = typeof url === 'string' && !/^(https?|data):/i.test(url);
      return isPath ? { part, text: url, wants: MEDIA[type] } : undefined;
    }
    case 'input_audio':
    case 'file': {
      const path = isPart(about) ? about.path : undefined;
      const wants = type === 'file' ? undefined : MEDIA[type];
      return typeof path === 'string' ? { part, text: path, wants } : undefined;
    }
    default:
      return undefined;
  }
}

/** Returns the parts of a conversation that attachments stand for, in their order. */
export function attachedParts(messages: readonly ChatMessage[]): AttachedPart[] {
  return messages.flatMap((message) => partsOf(message)).flatMap((part) => attachedPart(part) ?? []);
}

/** Returns what the parts of a conversation ask of a model that have their content with them. */
export function modalityOfParts(messages: readonly WithContent[]): Modality {
  const own = messages.flatMap((message) => partsOf(message)).filter((part) => attachedPart(part) === undefined);
  return joinModalities(
    own.flatMap(({ type }) => (typeof type === 'string' && Object.hasOwn(MEDIA, type) ? (MEDIA[type] ?? []) : [])),
  );
}

/** Returns a conversation with something else in the place of each part that an attachment stands for. */
export function replaceAttached(
  messages: readonly ChatMessage[],
  replace: (part: AttachedPart, index: number) => unknown,
): readonly ChatMessage[] {
  let index = 0;
  return messages.map((message) => {
    if (!Array.isArray(message.content)) return message;
    const content = message.content.map((part: unknown) => {
      const attached = isPart(part) ? attachedPart(part) : undefined;
      return attached === undefined ? part : replace(attached, index++);
    });
    return { ...message, content };
  });
}

/** Returns a part that an attachment stands for, with another path. */
export function movedPart({ part, text }: AttachedPart, path: string): MessagePart {
  const { type } = part;
  const about = typeof type === 'string' ? part[type] : undefined;
  if (typeof type !== 'string' || typeof about === 'string') return { ...part, [String(type)]: path };
  const fields = isPart(about) ? about : {};
  return { ...part, [type]: { ...fields, [fields.path === text ? 'path' : 'url']: path } };
}
