import { readFileSync } from 'node:fs';

/** Name of this service where the environment gives none, and of what makes its spans. */
export const SERVICE_NAME = 'dria-temporal';

/** The version of this package. */
export function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest ? String(manifest.version) : '';
}
