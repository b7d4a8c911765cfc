import { join } from 'node:path';
import { parseFields } from '../state.js';
import { extractFile } from './archive.js';
import { PINNED_CLI } from './binary.js';

/**
 * Where the Temporal SDKs get the program from (sdk-core `ephemeral_server`): an address with platform and version
 * answers where the archive is. Their own function starts a server right away, so the same is done here by hand.
 */
export const DOWNLOAD_URL = 'https://temporal.download';

/** The host is blocked on some networks, where packets just vanish: how long to wait for its first answer. */
const ANSWER_TIMEOUT_MS = 4_000;
/** A download that has brought nothing for this long is given up. */
const STALL_TIMEOUT_MS = 20_000;

const PLATFORMS: Partial<Record<NodeJS.Platform, string>> = { linux: 'linux', darwin: 'darwin' };
const ARCHITECTURES: Partial<Record<NodeJS.Architecture, string>> = { x64: 'amd64', arm64: 'arm64' };

/**
 * Downloads the pinned release into `folder` and returns the program's path. Throws when the host does not answer in
 * 4 s, has no such program, or the download breaks off.
 */
export async function downloadProgram(folder: string, baseUrl: string, signal?: AbortSignal): Promise<string> {
  const info = await fetchInfo(baseUrl, signal);
  const target = join(folder, 'temporal');
  const stall = new AbortController();
  const signals = signal ? AbortSignal.any([signal, stall.signal]) : stall.signal;
  const timer = setTimeout(() => stall.abort(new Error('the download has stalled')), STALL_TIMEOUT_MS);
  try {
    const response = await fetch(info.archiveUrl, { signal: signals });
    if (!response.ok || !response.body) throw new Error(`${new URL(info.archiveUrl).host} answered ${response.status}`);
    await extractFile(watched(response.body, timer), info.fileToExtract, target);
  } finally {
    clearTimeout(timer);
  }
  return target;
}

async function* watched(body: AsyncIterable<Uint8Array>, timer: NodeJS.Timeout): AsyncGenerator<Uint8Array> {
  for await (const piece of body) {
    timer.refresh();
    yield piece;
  }
}

async function fetchInfo(
  baseUrl: string,
  signal: AbortSignal | undefined,
): Promise<{ archiveUrl: string; fileToExtract: string }> {
  const timeout = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
  const response = await fetch(infoUrl(baseUrl), { signal: signal ? AbortSignal.any([signal, timeout]) : timeout });
  if (!response.ok) throw new Error(`${response.url} answered ${response.status}`);
  const fields = parseFields(await response.text());
  const archiveUrl = fields?.archiveUrl;
  const fileToExtract = fields?.fileToExtract;
  if (typeof archiveUrl !== 'string' || typeof fileToExtract !== 'string') {
    throw new Error(`${response.url} did not say where the program is`);
  }
  // The archive must be as safe on its way as the answer that named it.
  if (new URL(archiveUrl).protocol !== new URL(baseUrl).protocol) throw new Error(`${archiveUrl} is not allowed`);
  return { archiveUrl, fileToExtract };
}

function infoUrl(baseUrl: string): URL {
  const platform = PLATFORMS[process.platform];
  const arch = ARCHITECTURES[process.arch];
  if (!platform || !arch) throw new Error(`there is no program for ${process.platform} on ${process.arch}`);
  const url = new URL(`/cli/v${PINNED_CLI}`, baseUrl);
  url.search = new URLSearchParams({ arch, platform, format: 'tar.gz' }).toString();
  return url;
}
