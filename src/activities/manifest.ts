import { Context } from '@temporalio/activity';
import { z } from 'zod';
import { dividedOf } from '../batch/item-groups.js';
import type { ChunkManifest, Manifest } from '../batch/manifest.js';
import { attachedItems, sumOfModalities } from '../batch/modality.js';
import { type BatchOptions, batchOptionsSchema, type JsonSchema, workflowOptionsSchema } from '../batch/options.js';
import {
  type BatchInput,
  batchInputSchema,
  type ChunkPage,
  checkedFormat,
  namesOf,
  type PreparedRun,
} from '../batch/run.js';
import type { ExecutionChain } from '../batch/step-contract.js';
import { checkCompression } from '../formats/compress.js';
import { InputError } from '../input/errors.js';
import { readStagedManifest } from '../store/manifest.js';
import { hasOutcomes, type Owner, questionOf } from '../store/owner.js';
import { inputKey, isStagedInput } from '../store/run-directory.js';
import { noteOrigin } from '../store/run-index.js';
import { putSettings, type StoredSettings, settingsOf } from '../store/settings.js';
import type { ActivityDependencies } from './dependencies.js';
import { invalid, translated } from './failures.js';
import { withHeartbeat } from './heartbeat.js';
import { claimDirectory } from './ownership.js';
import { reuseAnswers } from './reuse.js';
import { checkLimits, endpointText, refuseMissingEndpoints } from './run-endpoints.js';
import { refuseOtherEndpoint } from './settings.js';
import { findSource, refuseUnstaged } from './staging.js';
import { unshared } from './unshared.js';
import { checkWebhook } from './webhook.js';

/** Chunks that the parent is given at a time: some 100 bytes each in its history. */
const CHUNKS_PER_PAGE = 200;

/** Characters of their layouts: where each item is another than the one before, a layout has two or three an item. */
const PAGE_CHARACTERS = 200_000;

/**
 * Reads and checks the input unless a caller has staged it already, makes the execution chain the owner of its run
 * directory and keeps the run's settings. Idempotent. Fails with `InvalidInput` for a directory that is another's.
 */
export function readManifest(
  { storage, endpoint, endpoints, tenant, stagedOnly = false, ...worker }: ActivityDependencies,
  { run, chain, batch }: { readonly run: string; readonly chain: ExecutionChain; readonly batch: BatchInput },
): Promise<PreparedRun> {
  let bytes = 0;
  let close = (): void => undefined;
  return translated(() =>
    withHeartbeat(
      () => ({ bytes }),
      async () => {
        const input = parseInput(batch);
        refuseOtherEndpoint(input.endpoint, endpoint);
        refuseMissingEndpoints(input, endpoints);
        // Of a run that goes on, what cannot be sent is a note: it has been paid for.
        if (input.webhook !== undefined && !(await hasOutcomes(storage, run))) checkWebhook(worker, input.webhook.url);
        const options = batchOptionsSchema.parse(input.options ?? {});
        checkLimits(options);
        checkCompression(checkedFormat(input).compression);
        if (options.schema !== undefined) await checkSchema(options.schema);
        const settings = settingsOf(input, options, storage);
        if (stagedOnly) await refuseUnstaged(storage, run, { ...settings, input: input.input });
        const scan = (count: number) => {
          bytes = count;
        };
        const staging = { storage, run, input, options, settings, onBytes: scan };
        const source = await findSource(staging).catch((error: unknown) => {
          // Whoever has staged it has seen another storage: nobody makes up such a key.
          const [first = ''] = namesOf(input.input);
          const isUnseen = error instanceof InputError && error.code === 'NOT_FOUND' && isStagedInput(first);
          throw isUnseen ? unshared(storage, first) : error;
        });
        close = source.close;
        const { manifest, stage, attachments } = source;
        const { sha256, modalities } = manifest;
        const allowed = { ...settings.attachments, ...attachments };
        const folder = attachedItems(modalities) > 0 ? allowed.folder : undefined;
        const question = questionOf({ sha256, endpoint: endpointText(options, endpoint, endpoints), options, folder });
        const retryFailed = input.retryFailed === true;
        const claim = { run, chain, tenant, question, retryFailed };
        const { hasOutcomes: isGoingOn, question: asked } = await claimDirectory(storage, claim);
        const origin = input.origin ?? namesOf(input.input).join(', ');
        await noteOrigin(storage, origin, run);
        await stage();
        const { api = settings.api } = manifest;
        const stored: StoredSettings = {
          ...settings,
          ...(api === undefined ? {} : { api }),
          attachments: allowed,
          input: inputKey(sha256),
          question: asked,
        };
        const mayTake = (owner: Owner): boolean => owner.tenant === tenant;
        const wish =
          input.reuse === undefined ? undefined : { run, from: input.reuse, origin, question: asked, mayTake };
        const reusing = { storage, run, hasOutcomes: isGoingOn, wish, options, places: stored };
        const final = await reuseAnswers({ ...reusing, signal: Context.current().cancellationSignal });
        await putSettings(storage, run, stored);
        return { ...prepared(options, final), hasOutcomes: isGoingOn };
      },
    ).finally(() => close()),
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
    return { chunks: pageOf(manifest.chunks.slice(from, from + CHUNKS_PER_PAGE)) };
  });
}

/** Returns as many of the chunks as a page may have. */
function pageOf(chunks: readonly ChunkManifest[]): readonly ChunkManifest[] {
  let characters = 0;
  const beyond = chunks.findIndex(({ layout, models }) => {
    characters += layout.length + (models?.items.length ?? 0);
    return characters > PAGE_CHARACTERS;
  });
  return beyond < 0 ? chunks : chunks.slice(0, Math.max(1, beyond));
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

/** Returns true if all items that are asked name their model. */
function namesAll(chunks: readonly ChunkManifest[]): boolean {
  return chunks.every((chunk) => sumOfModalities(dividedOf(chunk)) === 0);
}

function prepared(all: BatchOptions, manifest: Manifest): Omit<PreparedRun, 'hasOutcomes'> {
  const options = workflowOptionsSchema.strip().parse(all);
  const { items, modalities, invalid, reused, chunks, reuse, models, api = options.api } = manifest;
  // An empty name is none.
  const model = options.model ?? (manifest.model || undefined);
  const named = { ...options, ...(model === undefined ? {} : { model }), ...(api === undefined ? {} : { api }) };
  return {
    options: named,
    manifest: {
      items,
      modalities,
      invalid,
      reused,
      chunks: chunks.length,
      ...(models === undefined ? {} : { models }),
      ...(models !== undefined && namesAll(chunks) ? { areAllNamed: true } : {}),
    },
    notes: reuse?.notes ?? [],
  };
}
