import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/**
 * Returns true if the Temporal SDK that is installed is the version that the bundles in `dist` were built with. What is in
 * them runs beside the SDK's native code and its worker, which take no other version's.
 */
export function isBuiltSdk(): boolean {
  const installed = createRequire(import.meta.url).resolve('@temporalio/worker/package.json');
  return versionIn(installed) === versionIn(new URL('./sdk-version.json', import.meta.url));
}

function versionIn(file: string | URL): unknown {
  const { version }: { readonly version?: unknown } = JSON.parse(readFileSync(file, 'utf8'));
  return version;
}
