import path from 'node:path';
import type { MediaModality } from '../batch/modality.js';
import { AllowedFolders } from './allowed-folders.js';
import { type AttachedFile, checkFile } from './attachment-file.js';
import { checkDataUrl } from './data-url.js';
import { AttachmentError } from './errors.js';
import { excerpt } from './excerpt.js';
import { modalityOfExtension } from './media.js';

/** What attachments are allowed. */
export interface AttachmentRules {
  /** Absolute path of the folder that relative paths are against, the input file's own. Files under it are allowed. */
  readonly folder: string;
  /** Further folders whose files are allowed, absolute: `--attachments-root`. */
  readonly roots?: readonly string[];
  /** Largest attachment in bytes, before base64. Usually `DEFAULT_MAX_ATTACHMENT_BYTES`. */
  readonly maxBytes: number;
}

/** An attachment that may be sent. */
export type ResolvedAttachment =
  /** An http(s) address, handed to the model and never fetched here. The modality is a guess from its name. */
  | { readonly kind: 'url'; readonly url: string; readonly modality: MediaModality }
  /** Content that stands in the line itself. `url` is a data URL with the media type that the content has. */
  | { readonly kind: 'data'; readonly url: string; readonly mediaType: string; readonly modality: MediaModality }
  | ({ readonly kind: 'file' } & AttachedFile);

/**
 * Finds out what an attachment is and whether it may be sent. Used when the input is checked and again when the request
 * is made: in between the file may have changed. Throws {@link AttachmentError}.
 */
export function resolveAttachment(text: string, rules: AttachmentRules): Promise<ResolvedAttachment> {
  return attachmentResolver(rules)(text);
}

/** {@link resolveAttachment} for many attachments under the same rules: the allowed folders are looked up once. */
export function attachmentResolver(rules: AttachmentRules): (text: string) => Promise<ResolvedAttachment> {
  const folders = new AllowedFolders(rules.folder, rules.roots ?? []);
  return async (text) => {
    if (/^data:/i.test(text)) return { kind: 'data', ...(await checkDataUrl(text, rules.maxBytes)) };
    if (/^https?:/i.test(text)) return checkUrl(text);
    const name = excerpt(text);
    // One letter is a Windows drive, not a scheme.
    if (/^[a-z][a-z0-9+.-]+:\/\//i.test(text)) {
      throw new AttachmentError('MALFORMED', `${name}: only http(s) and data URLs and paths can be attached`);
    }
    if (text.includes('\0')) throw new AttachmentError('MALFORMED', `${name} has a NUL character in its path`);
    return { kind: 'file', ...(await checkFile(name, text, folders, rules.maxBytes)) };
  };
}

function checkUrl(text: string): ResolvedAttachment {
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) {
    throw new AttachmentError('MALFORMED', `${excerpt(text)} is not a well-formed URL`);
  }
  const { href, pathname } = new URL(text);
  return { kind: 'url', url: href, modality: modalityOfExtension(path.posix.extname(pathname)) };
}
