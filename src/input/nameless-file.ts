import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** Opens a new file in a folder and takes its name away: it is gone with the process, however that ends. */
export async function openNameless(folder: string): Promise<FileHandle> {
  const path = join(folder, `.dria-temporal-${randomUUID()}.tmp`);
  const handle = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600);
  try {
    await rm(path);
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}
