import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { Script } from 'node:vm';
import { resolveCacheDir } from '../embedded/binary/cache.js';

/** What a chunk of the bundle is called with, as Node calls a CommonJS module. */
type ChunkFunction = (
  exports: object,
  require: (id: string) => unknown,
  module: { exports: object },
  file: string,
  folder: string,
  importModule: (id: string) => Promise<unknown>,
) => void;

/** The bundle's `import()` of a package: V8 forgets how to import for code that was kept. */
const importModule = (id: string): Promise<unknown> => import(id);

/** A chunk that was loaded. */
interface LoadedChunk {
  readonly script: Script;
  readonly module: { exports: object };
}

/** Code belongs to a version of V8 and to the flags of its process, which V8 checks, and to a chunk, whose name has its hash. */
const FOLDER_NAME = `code-node-${process.version}-${process.arch}`;

/** A folder that nobody can make. */
const NOWHERE = '/dev/null/code';

/** Returns the user's own folder for caches; undefined for a user without a home folder. */
export function cacheDir(): string | undefined {
  return resolveCacheDir(process.env, undefined);
}

/**
 * Loads the chunks of a CommonJS bundle with the code that V8 compiled of them in an earlier process: compiling them anew
 * takes as long as all the rest of a start. Works without its folder, only slower.
 */
export class CodeCache {
  readonly #chunks = new Map<string, LoadedChunk>();
  readonly #folder: string;
  /** Whether a chunk had no compiled code: then the code of all is worth keeping again, with what has been compiled since. */
  #isIncomplete = false;

  /**
   * @param bundle folder of the chunks, each named `<name>-<hash of its content>.cjs`
   * @param cacheDir a folder that nobody else may write to, since what is in it is run; without it nothing is kept
   */
  constructor(
    private readonly bundle: string,
    cacheDir: string | undefined,
  ) {
    this.#folder = cacheDir === undefined ? NOWHERE : join(cacheDir, FOLDER_NAME);
  }

  /** Runs the entry of this name. */
  run(entry: string): void {
    const file = readdirSync(this.bundle).find((name) => name.startsWith(`${entry}-`));
    if (file === undefined) throw new Error(`${this.bundle} has no ${entry}: the package is not whole`);
    this.#load(join(this.bundle, file));
  }

  /** Runs a chunk, once, and returns its exports. */
  #load(file: string): object {
    const loaded = this.#chunks.get(file);
    if (loaded !== undefined) return loaded.module.exports;
    const script = this.#compile(file);
    const module = { exports: {} };
    this.#chunks.set(file, { script, module });
    const run: ChunkFunction = script.runInThisContext();
    run.call(module.exports, module.exports, this.#requireFrom(file), module, file, this.bundle, importModule);
    return module.exports;
  }

  /** Keeps the code compiled so far, if some was missing at the start. Never throws: the next start is only slower. */
  save(): void {
    if (!this.#isIncomplete) return;
    this.#isIncomplete = false;
    try {
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
      for (const [file, { script }] of this.#chunks) this.#write(basename(file), script.createCachedData());
      this.#removeStale();
    } catch {
      // No place for it.
    }
  }

  #compile(file: string): Script {
    // The bundle is ASCII: reading it as one byte a character is faster, and V8 keeps it so.
    const parameters = 'exports, require, module, __filename, __dirname, importModule';
    const source = `(function (${parameters}) {${readFileSync(file, 'latin1')}\n})`;
    const cachedData = this.#read(basename(file));
    const script = new Script(source, {
      filename: file,
      ...(cachedData === undefined ? {} : { cachedData }),
    });
    if (script.cachedDataRejected !== false) this.#isIncomplete = true;
    return script;
  }

  #requireFrom(file: string): NodeJS.Require {
    const nodeRequire = createRequire(file);
    const require = (id: string): unknown => (isChunk(id) ? this.#load(join(this.bundle, id)) : nodeRequire(id));
    return Object.assign(require, nodeRequire);
  }

  /** V8 does not check that the code is whole, and would run what a power cut has left of it. */
  #read(chunk: string): Buffer | undefined {
    try {
      const kept = readFileSync(join(this.#folder, chunk));
      const code = kept.subarray(DIGEST_BYTES);
      return digest(code).equals(kept.subarray(0, DIGEST_BYTES)) ? code : undefined;
    } catch {
      return undefined;
    }
  }

  /** Whole or not at all: another process may read it meanwhile. */
  #write(chunk: string, code: Buffer): void {
    const temporary = join(this.#folder, `${chunk}.${process.pid}.tmp`);
    writeFileSync(temporary, Buffer.concat([digest(code), code]), { mode: 0o600 });
    renameSync(temporary, join(this.#folder, chunk));
  }

  /** Removes the code of chunks that are no longer in the bundle: an earlier version of the package has left it. */
  #removeStale(): void {
    const bundle = new Set(readdirSync(this.bundle));
    for (const name of readdirSync(this.#folder)) {
      if (!bundle.has(name) && !name.endsWith('.tmp')) rmSync(join(this.#folder, name), { force: true });
    }
  }
}

const DIGEST_BYTES = 32;

function digest(code: Buffer): Buffer {
  return createHash('sha256').update(code).digest();
}

function isChunk(id: string): boolean {
  return id.startsWith('./');
}
