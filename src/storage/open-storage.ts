import { FileStorage } from './file-storage.js';
import type { Storage } from './storage.js';

/** Opens a storage root as users write it: a folder. Touches nothing yet. */
export function openStorage(root: string): Storage {
  return new FileStorage(root);
}
