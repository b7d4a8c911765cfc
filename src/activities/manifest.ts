import { dirname, isAbsolute, join } from 'node:path';
import { z } from 'zod';
import type { Manifest } from '../batch/manifest.js';
import { type BatchOptions, batchOptionsSchema, type JsonSchema } from '../batch/options.js';
import { type BatchInput, batchInputSchema, type ChunkPage, type PreparedRun } from '../batch/run.js';
import { DEFAULT_MAX_ATTACHMENT_BYTES } from '../input/size.js';
import { readStagedManifest } from '../input/stage.js';
import { inputKey, runDirectory } from '../storage/run-directory.js';
import { isS3Root } from '../storage/s3-location.js';
import type { Storage } from '../storage/storage.js';
import type { ActivityDependencies } from './dependencies.js';
import { translated } from './failures.js';
import { withHeartbeat } from './heartbeat.js';
import { refuseOtherEndpoint, type SourceSettings, type StoredSettings } from './settings.js';
import { invalid, stagedOrStage } from './staging.js';

/** A folder that holds nothing that could be attached. */
const NO_FOLDER = '/dev/null';

/** Chunks that the parent is given at a time: some 100 bytes each in its history. */
const CHUNKS_PER_PAGE = 200;

/**
 * Reads and checks the input unless a caller has staged it already, and keeps the run's settings. Idempotent. Fails with
 * `InvalidInput` for a run directory that another run's id has led to: its answers would get mixed with this run's.
 */
export function readManifest(
  { storage, endpoint }: ActivityDependencies,
  { run, batch }: { readonly run: string; readonly batch: BatchInput },
): Promise<PreparedRun> {
  let bytes = 0;
  return translated(() =>
    withHeartbeat(
      () => ({ bytes }),
      async () => {
        const input = parseInput(batch);
        refuseOtherEndpoint(input.endpoint, endpoint);
        const options = batchOptionsSchema.parse(input.options ?? {});
        if (options.schema !== undefined) await checkSchema(options.schema);
        const settings = settingsOf(input, options, storage);
        const scan = (count: number) => {
          bytes = count;
        };
        const manifest = await stagedOrStage({ storage, run, input, options, settings, onBytes: scan });
        const stored: StoredSettings = { ...settings, input: inputKey(manifest.sha256) };
        await storage.put(runDirectory(run).settings, JSON.stringify(stored));
        return prepared(options, manifest);
      },
    ),
  );
}

/** A page of chunks from the staged manifest. */
export function readChunks(
  { storage }: ActivityDependencies,
  { run, from }: { readonly run: string; readonly from: number },
): Promise<ChunkPage> {
  return translated(async () => {
    const manifest = await readStagedManifest(storage, run);
    if (manifest === undefined) throw invalid(`run ${run} has no manifest`);
    return { chunks: manifest.chunks.slice(from, from + CHUNKS_PER_PAGE) };
  });
}

/** A schema that cannot be used is found before anything is spent. */
async function checkSchema(schema: JsonSchema): Promise<void> {
  const { compileAnswerSchema } = await import('../dria/answer-check.js');
  compileAnswerSchema(schema);
}

function parseInput(batch: BatchInput): z.output<typeof batchInputSchema> {
  const parsed = batchInputSchema.safeParse(batch);
  if (parsed.success) return parsed.data;
  throw invalid(`the input of batchWorkflow: ${z.prettifyError(parsed.error)}`);
}

function settingsOf(
  input: z.output<typeof batchInputSchema>,
  { schema }: BatchOptions,
  storage: Storage,
): SourceSettings {
  return {
    version: 1,
    ...(input.endpoint === undefined ? {} : { endpoint: input.endpoint }),
    ...(schema === undefined ? {} : { schema }),
    attachments: {
      folder: input.attachments?.folder ?? folderOf(input.input, storage),
      roots: input.attachments?.roots ?? [],
      maxBytes: input.attachments?.maxBytes ?? DEFAULT_MAX_ATTACHMENT_BYTES,
      staged: input.attachments?.staged ?? false,
    },
  };
}

/** The folder that relative attachments are against; an input in a bucket has none, so that nothing is allowed. */
function folderOf(input: string, storage: Storage): string {
  if (isAbsolute(input)) return dirname(input);
  return isS3Root(storage.root) ? NO_FOLDER : dirname(join(storage.root, input));
}

function prepared({ schema: _stored, skipInvalid: _used, ...options }: BatchOptions, manifest: Manifest): PreparedRun {
  const { items, modalities, invalid, chunks } = manifest;
  return { options, manifest: { items, modalities, invalid, chunks: chunks.length } };
}
