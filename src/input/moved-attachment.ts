import path from 'node:path';
import type { ChatMessage } from '../batch/items.js';
import { isPart, movedPart, replaceAttached } from '../batch/message-parts.js';
import { isInside } from './allowed-folders.js';
import type { FieldProblem } from './errors.js';
import { excerpt } from './excerpt.js';

/**
 * Returns an attachment of one of several input files as it is under the one folder of their run: a path becomes absolute,
 * URLs stay. A path that leaves the folder of its own file and the further ones is a problem, also if it leads into that of
 * another input file.
 */
function movedAttachment(
  field: string,
  text: string,
  folder: string | undefined,
  roots: readonly string[],
): string | FieldProblem {
  if (/^(data|https?):/i.test(text) || text === '') return text;
  const absolute = folder === undefined ? undefined : path.resolve(folder, text);
  const folders = folder === undefined ? roots : [folder, ...roots];
  if (absolute !== undefined && folders.some((allowed) => isInside(absolute, allowed))) return absolute;
  return {
    field,
    message: `${excerpt(text)} is outside the folder of its input file: allow its folder with --attachments-root, or put the file in`,
  };
}

/** Makes the attachments of a record those of the run, in place. Returns the problems with them. */
export function moveAttachments(
  record: Record<string, unknown>,
  folder: string | undefined,
  roots: readonly string[],
): FieldProblem[] {
  const problems: FieldProblem[] = [];
  const moved = (field: string, text: string): string => {
    const found = movedAttachment(field, text, folder, roots);
    if (typeof found === 'string') return found;
    problems.push(found);
    return text;
  };
  const { attachment, attachments, messages, body } = record;
  if (typeof attachment === 'string') record.attachment = moved('attachment', attachment);
  if (Array.isArray(attachments)) {
    record.attachments = attachments.map((text: unknown) =>
      typeof text === 'string' ? moved('attachments', text) : text,
    );
  }
  const inMessages = (all: readonly ChatMessage[]): readonly ChatMessage[] =>
    replaceAttached(all, (part) => movedPart(part, moved('messages', part.text)));
  if (areMessages(messages)) record.messages = inMessages(messages);
  // A line of OpenAI's batches.
  if (isPart(body) && areMessages(body.messages)) record.body = { ...body, messages: inMessages(body.messages) };
  return problems;
}

/** What is no message is found when the line is checked. */
function areMessages(value: unknown): value is ChatMessage[] {
  return Array.isArray(value) && value.every((message) => isPart(message) && typeof message.role === 'string');
}
