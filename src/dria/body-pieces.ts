import { attachedPart, isPart, type MessagePart } from '../batch/message-parts.js';
import type { ChatAttachment, LinkedAttachment, StreamedAttachment } from './chat-request.js';

/** A request's JSON body: pieces of its text, and between them attachments whose base64 text goes there. */
export type ChatBody = readonly (string | StreamedAttachment)[];

/** How a path writes the parts of a message's content. */
export interface PartForms {
  /** Returns the part of an attachment that is a URL. `fields`: what an item's own part says beside its path. */
  linked(attachment: LinkedAttachment, fields: Readonly<Record<string, unknown>>): object;
  /** Returns what stands before and after the base64 text of an attachment. */
  streamed(
    attachment: StreamedAttachment,
    fields: Readonly<Record<string, unknown>>,
  ): readonly [head: string, tail: string];
  /** Returns a part without an attachment. */
  plain(part: unknown): unknown;
}

/** Joins neighbouring texts. */
export function joined(pieces: ChatBody): ChatBody {
  const body: (string | StreamedAttachment)[] = [];
  for (const piece of pieces) {
    const last = body.at(-1);
    if (typeof piece === 'string' && typeof last === 'string') body[body.length - 1] = last + piece;
    else body.push(piece);
  }
  return body;
}

/** Returns the parts of attachments that follow another part, as JSON. */
export function followingParts(attachments: readonly ChatAttachment[], forms: PartForms): ChatBody {
  return attachments.flatMap((attachment) => [',', ...partPieces(attachment, forms)]);
}

/** Returns a list of parts as JSON, with the next of the attachments in each part that names a path. */
export function listPieces(parts: readonly unknown[], left: Iterator<ChatAttachment>, forms: PartForms): ChatBody {
  const pieces = parts.flatMap((part, at): ChatBody => {
    const comma = at > 0 ? [','] : [];
    const attached = isPart(part) ? attachedPart(part) : undefined;
    const next = attached === undefined ? undefined : left.next();
    if (attached === undefined || next === undefined || next.done === true) {
      return [...comma, JSON.stringify(forms.plain(part))];
    }
    return [...comma, ...partPieces(next.value, forms, ownFields(attached.part))];
  });
  return ['[', ...pieces, ']'];
}

/** What a part says beside the path of its attachment: `detail`, `filename`. */
function ownFields(part: MessagePart): Readonly<Record<string, unknown>> {
  const about = part[String(part.type)];
  if (!isPart(about)) return {};
  const { url: _url, path: _path, type: _type, ...fields } = about;
  return fields;
}

function partPieces(
  attachment: ChatAttachment,
  forms: PartForms,
  fields: Readonly<Record<string, unknown>> = {},
): ChatBody {
  if ('url' in attachment) return [JSON.stringify(forms.linked(attachment, fields))];
  const [head, tail] = forms.streamed(attachment, fields);
  return [head, attachment, tail];
}
