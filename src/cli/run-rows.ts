import { decodeLayout, isReused, isTwin } from '../batch/layout.js';
import type { ChunkManifest, Manifest } from '../batch/manifest.js';
import { type AnswerFacts, answerFacts, type FailureFacts, failureFacts } from '../batch/part-facts.js';
import { type InputItem, readItems } from '../input/read-items.js';
import type { ReportRow, TableRow } from '../report/row.js';
import type { Storage } from '../storage/storage.js';
import { readStagedOffsets } from '../store/item-records.js';
import { mapOutputLines, parseOutputLine } from '../store/output-line.js';
import { factsOf, mapLinesOf, type OpenChunk, openChunk } from '../store/partial-lines.js';
import { openPart, readPartFacts } from '../store/parts.js';
import { readStoredSettings } from '../store/settings.js';
import { FilledParts } from '../store/twins.js';

/** What is known of a row beside its line. */
interface RowFacts {
  readonly answer?: AnswerFacts | undefined;
  readonly failure?: FailureFacts | undefined;
  readonly skipped: boolean;
  /** It has the answer, or the error, of an item that is the same, or of an earlier run. */
  readonly reused: boolean;
}

/**
 * The rows of a run as they were when it was first looked at: finished chunks are read from their parts again and again,
 * and of the others the answers so far are kept. Memory is one chunk, and the chunks that are unfinished.
 */
export class RunRows {
  private readonly underWay = new Map<number, readonly ReportRow[]>();
  private readonly filled: FilledParts;

  constructor(
    private readonly storage: Storage,
    private readonly run: string,
    private readonly manifest: Manifest,
  ) {
    this.filled = new FilledParts(storage, run);
  }

  /** Chunk after chunk, its rows in input order; the first time a chunk is read decides what it is. */
  async *chunks(): AsyncGenerator<readonly ReportRow[], void, undefined> {
    for (const chunk of this.manifest.chunks) yield await this.chunkRows(chunk);
  }

  /** The rows that `isWanted` chooses, with their prompts, in input order. */
  async *tableRows(isWanted: (row: ReportRow) => boolean): AsyncGenerator<TableRow, void, undefined> {
    const { input } = await readStoredSettings(this.storage, this.run);
    for (const chunk of this.manifest.chunks) {
      const rows = (await this.chunkRows(chunk)).filter(isWanted);
      const items = await this.items(rows, input);
      for (const row of rows) yield withInput(row, items.get(row.item));
    }
  }

  private async chunkRows(chunk: ChunkManifest): Promise<readonly ReportRow[]> {
    const kept = this.underWay.get(chunk.chunk);
    if (kept !== undefined) return kept;
    const open = await openChunk(this.storage, this.run, chunk, this.filled);
    if (open === undefined) return await this.partRows(chunk);
    const rows = await this.openRows(chunk, open);
    this.underWay.set(chunk.chunk, rows);
    return rows;
  }

  private async openRows(chunk: ChunkManifest, { lines, index }: OpenChunk): Promise<ReportRow[]> {
    const kindOf = kindsOf(chunk);
    return await collect(
      mapLinesOf(this.storage, lines, (item, line) =>
        reportRow(item, line, { ...factsOf(index, item), ...kindOf(item) }),
      ),
    );
  }

  private async partRows(manifest: ChunkManifest): Promise<ReportRow[]> {
    const { chunk, first } = manifest;
    // The rows are there all the same if the facts cannot be read.
    const facts = await readPartFacts(this.storage, this.run, chunk);
    const answers = facts === undefined ? undefined : answerFacts(facts);
    const failures = facts === undefined ? undefined : failureFacts(facts);
    const kindOf = kindsOf(manifest);
    const rowOf = (item: number, line: Buffer): ReportRow =>
      reportRow(item, line, { answer: answers?.get(item), failure: failures?.get(item), ...kindOf(item) });
    const lines = await this.filled.lines(manifest);
    if (lines !== undefined) return await collect(mapLinesOf(this.storage, lines, rowOf));
    return await collect(mapOutputLines(await openPart(this.storage, this.run, chunk), first, rowOf));
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

function withInput(row: ReportRow, { prompt, attachments = [] }: Partial<InputItem> = {}): TableRow {
  const attachment = attachments.length === 0 ? undefined : attachments.join(', ');
  return { ...row, ...(prompt === undefined ? {} : { prompt }), ...(attachment === undefined ? {} : { attachment }) };
}

/** Returns what tells of each item of a chunk whether it is an invalid line that was skipped, or was not asked. */
function kindsOf({ first, layout }: ChunkManifest): (item: number) => Pick<RowFacts, 'skipped' | 'reused'> {
  const codes = decodeLayout(layout);
  return (item) => {
    const code = codes[item - first] ?? 'invalid';
    return { skipped: code === 'invalid', reused: isTwin(code) || isReused(code) };
  };
}

async function collect<T>(batches: AsyncIterable<readonly T[]>): Promise<T[]> {
  const all: T[] = [];
  for await (const batch of batches) all.push(...batch);
  return all;
}

function reportRow(item: number, text: Buffer, { answer, failure, skipped, reused }: RowFacts): ReportRow {
  const line = parseOutputLine(text);
  const { at, ms = line.latency_ms, truncated = line.finish_reason === 'length' } = answer ?? {};
  const { attempts = line.attempts, tried = line.models_tried } = failure ?? {};
  return {
    item,
    id: line.id,
    model: line.model,
    ok: line.error === undefined,
    skipped,
    ...(reused ? { reused } : {}),
    text: line.error ?? line.output ?? '',
    tokens: line.tokens ?? 0,
    truncated,
    ...(at === undefined ? {} : { at }),
    ...(ms === undefined ? {} : { ms }),
    ...(attempts === undefined ? {} : { attempts }),
    ...(tried === undefined ? {} : { tried }),
  };
}
