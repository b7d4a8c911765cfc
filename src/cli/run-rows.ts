import { z } from 'zod';
import { linesSoFar } from '../activities/partial-lines.js';
import { readItemPlaces } from '../activities/settings.js';
import { decodeLayout } from '../batch/layout.js';
import type { ChunkManifest, Manifest } from '../batch/manifest.js';
import {
  type AnswerFacts,
  answerFacts,
  type FailureFacts,
  failureFacts,
  partFactsSchema,
} from '../batch/part-facts.js';
import { type InputItem, readItems } from '../input/read-items.js';
import { readStagedOffsets } from '../input/stage.js';
import type { ReportRow, TableRow } from '../report/row.js';
import { getJsonIfThere } from '../storage/json.js';
import { runDirectory } from '../storage/run-directory.js';
import type { Storage } from '../storage/storage.js';

/** An output line, with and without `--detail`. */
const lineSchema = z.object({
  id: z.union([z.string(), z.number()]),
  model: z.string().nullable(),
  output: z.string().optional(),
  error: z.string().optional(),
  tokens: z.number().optional(),
  attempts: z.number().optional(),
  latency_ms: z.number().optional(),
  finish_reason: z.string().nullish(),
  models_tried: z.array(z.string()).optional(),
});

/** What is known of a row beside its line. */
interface RowFacts {
  readonly answer?: AnswerFacts | undefined;
  readonly failure?: FailureFacts | undefined;
  readonly skipped: boolean;
}

/**
 * The rows of a run as they were when it was first looked at: finished chunks are read from their parts again and again,
 * and of the others the answers so far are kept. Memory is one chunk, and the chunks under way.
 */
export class RunRows {
  private readonly underWay = new Map<number, readonly ReportRow[]>();

  constructor(
    private readonly storage: Storage,
    private readonly run: string,
    private readonly manifest: Manifest,
  ) {}

  /** Chunk after chunk, its rows in input order; the first time a chunk is read decides what it is. */
  async *chunks(): AsyncGenerator<readonly ReportRow[], void, undefined> {
    for (const chunk of this.manifest.chunks) yield await this.chunkRows(chunk);
  }

  /** The rows that `isWanted` chooses, with their prompts, in input order. */
  async *tableRows(isWanted: (row: ReportRow) => boolean): AsyncGenerator<TableRow, void, undefined> {
    const { input } = await readItemPlaces(this.storage, this.run);
    for (const chunk of this.manifest.chunks) {
      const rows = (await this.chunkRows(chunk)).filter(isWanted);
      const items = await this.items(rows, input);
      for (const row of rows) yield withInput(row, items.get(row.item));
    }
  }

  private async chunkRows(chunk: ChunkManifest): Promise<readonly ReportRow[]> {
    const kept = this.underWay.get(chunk.chunk);
    if (kept !== undefined) return kept;
    const lines = await linesSoFar(this.storage, this.run, chunk.chunk);
    if (lines === undefined) return await this.partRows(chunk);
    const isSkipped = skippedOf(chunk);
    const rows = lines.map(({ item, line, facts }) =>
      reportRow(item, line, { answer: facts, skipped: isSkipped(item) }),
    );
    this.underWay.set(chunk.chunk, rows);
    return rows;
  }

  private async partRows(manifest: ChunkManifest): Promise<ReportRow[]> {
    const { chunk, first } = manifest;
    const directory = runDirectory(this.run);
    const [bytes, stored] = await Promise.all([
      this.storage.get(directory.part(chunk)),
      getJsonIfThere(this.storage, directory.partFacts(chunk)),
    ]);
    // Runs of earlier versions have none, and those of later ones may have others: the rows are there all the same.
    const facts = partFactsSchema.safeParse(stored).data;
    const answers = facts === undefined ? undefined : answerFacts(facts);
    const failures = facts === undefined ? undefined : failureFacts(facts);
    const lines = Buffer.from(bytes).toString('utf8').split('\n').filter(Boolean);
    const isSkipped = skippedOf(manifest);
    return lines.map((line, position) => {
      const item = first + position;
      const known = { answer: answers?.get(item), failure: failures?.get(item), skipped: isSkipped(item) };
      return reportRow(item, line, known);
    });
  }

  /** The input's items of some rows, by index; invalid lines have none. */
  private async items(rows: readonly ReportRow[], input: string): Promise<Map<number, InputItem>> {
    const wanted = rows.filter(({ skipped }) => !skipped).map(({ item }) => item);
    const items = new Map<number, InputItem>();
    if (wanted.length === 0) return items;
    const offsets = await readStagedOffsets(this.storage, this.run, wanted);
    for await (const item of readItems((start, end) => this.storage.getRange(input, start, end), offsets, input)) {
      items.set(item.item, item);
    }
    return items;
  }
}

function withInput(row: ReportRow, { prompt, attachment }: Partial<InputItem> = {}): TableRow {
  return { ...row, ...(prompt === undefined ? {} : { prompt }), ...(attachment === undefined ? {} : { attachment }) };
}

/** Tells of each item of a chunk whether it is an invalid line that was skipped. */
function skippedOf({ first, layout }: ChunkManifest): (item: number) => boolean {
  const codes = decodeLayout(layout);
  return (item) => codes[item - first] === 'invalid';
}

function reportRow(item: number, text: string, { answer, failure, skipped }: RowFacts): ReportRow {
  const line = lineSchema.parse(JSON.parse(text));
  const { at, ms = line.latency_ms, truncated = line.finish_reason === 'length' } = answer ?? {};
  const { attempts = line.attempts, tried = line.models_tried } = failure ?? {};
  return {
    item,
    id: line.id,
    model: line.model,
    ok: line.error === undefined,
    skipped,
    text: line.error ?? line.output ?? '',
    tokens: line.tokens ?? 0,
    truncated,
    ...(at === undefined ? {} : { at }),
    ...(ms === undefined ? {} : { ms }),
    ...(attempts === undefined ? {} : { attempts }),
    ...(tried === undefined ? {} : { tried }),
  };
}
