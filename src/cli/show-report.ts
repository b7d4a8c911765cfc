import { readFile } from 'node:fs/promises';
import { shellWord } from '../batch/shell-word.js';
import { Figures } from '../report/figures.js';
import { endWords } from '../report/overview.js';
import { type PageAssets, type Report, reportPage } from '../report/report-page.js';
import { DEFAULT_LIMITS, Spread, tableRows } from '../report/sample.js';
import { count, size } from '../report/words.js';
import { readStagedManifest } from '../store/manifest.js';
import { readSummaryIfWhole } from '../store/summary.js';
import { UserError } from './errors.js';
import { EXIT, type Io } from './io.js';
import { noSuchRun } from './missing-run.js';
import { checkOutput, writeOutput } from './output.js';
import { placesOf, usablePlaces } from './places.js';
import { reportAbout, type StoredRun } from './report-about.js';
import type { ReportFlags } from './run-flags.js';
import { RunRows } from './run-rows.js';

/** Answers that were in flight when a run ended may come this much later, ms, by clocks that differ. */
const LATE_MS = 60_000;

/**
 * Writes the page about a run, ended or not. Asks no server: everything is in the run directory. Reads it twice, so that
 * memory does not grow with the run: first for the figures, then for the rows of the table. Returns the exit code.
 */
export async function showReport(id: string, flags: ReportFlags, io: Io): Promise<number> {
  await checkPlace(id, flags, io);
  const { storage } = await usablePlaces(flags, io.env);
  const summary = await readSummaryIfWhole(storage, id, (why) => io.stderr.write(`warning: ${why}\n`));
  const manifest = await readStagedManifest(storage, id);
  if (manifest === undefined) throw noSuchRun(id);
  const run = { storage, id, manifest, summary };
  const { pages, report } = await openReport(run, flags, io);
  let bytes = 0;
  const written = await writePage(
    flags.output,
    counted(pages, (more) => (bytes += more)),
    io,
  );
  if (written === 'written') say(report, flags.output, bytes, io);
  return EXIT.OK;
}

async function checkPlace(id: string, flags: ReportFlags, { stdout, env }: Io): Promise<void> {
  const { output } = flags;
  await checkOutput(output, { places: placesOf(flags, env) });
  if (output !== undefined || stdout.isTTY !== true) return;
  throw new UserError('a report is a page for a browser and not for a terminal', {
    exitCode: 2,
    hint: `Give it a file: dria-temporal report ${shellWord(id)} -o report.html`,
  });
}

/** The figures of all rows, and the page that has yet to be written. */
async function openReport(
  run: StoredRun,
  flags: ReportFlags,
  { interrupt }: Io,
): Promise<{ readonly report: Report; readonly pages: AsyncIterable<Uint8Array> }> {
  const rows = new RunRows(run.storage, run.id, run.manifest);
  const figures = new Figures();
  let bytes = run.manifest.bytes;
  for await (const chunk of rows.chunks()) {
    interrupt.throwIfAborted();
    for (const row of chunk) {
      figures.add(row);
      bytes += Buffer.byteLength(row.text);
    }
  }
  const all = { ok: figures.ok, failed: figures.errors };
  const held = tableRows(all, bytes, { ...DEFAULT_LIMITS, rows: flags.rows ?? DEFAULT_LIMITS.rows });
  const spreads = { ok: new Spread(all.ok, held.ok), failed: new Spread(all.failed, held.failed) };
  const chosen = rows.tableRows(({ ok }) => {
    interrupt.throwIfAborted();
    return (ok ? spreads.ok : spreads.failed).next();
  });
  const report = { about: await reportAbout(sinceEnded(run, figures)), figures, scope: { held, all } };
  return { report, pages: reportPage(report, chosen, await readAssets()) };
}

/** A run that was cancelled may go on: an answer that came well after its end says so. */
function sinceEnded(run: StoredRun, { lastAt }: Figures): StoredRun {
  const { summary } = run;
  const goesOn = summary !== undefined && summary.state !== 'completed' && lastAt > summary.endedAt + LATE_MS;
  return goesOn ? { ...run, summary: undefined } : run;
}

async function readAssets(): Promise<PageAssets> {
  const asset = (name: string) => readFile(new URL(`../report/assets/${name}`, import.meta.url), 'utf8');
  const [script, style] = await Promise.all([asset('page.js'), asset('page.css')]);
  return { script, style };
}

async function* counted(
  source: AsyncIterable<Uint8Array>,
  onBytes: (bytes: number) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const bytes of source) {
    onBytes(bytes.byteLength);
    yield bytes;
  }
}

async function writePage(output: string | undefined, pages: AsyncIterable<Uint8Array>, io: Io) {
  try {
    return await writeOutput(output, pages, io);
  } catch (error) {
    if (io.interrupt.aborted) throw error;
    throw new UserError(`the report could not be written to ${output ?? 'standard output'}`, {
      exitCode: 1,
      cause: error,
    });
  }
}

function say({ scope, about }: Report, output: string | undefined, bytes: number, { stderr }: Io): void {
  const { held, all } = scope;
  const rows = held.ok + held.failed;
  const total = all.ok + all.failed;
  const which = rows === total ? `${count(rows)} rows` : `a sample of ${count(rows)} of ${count(total)} rows`;
  const partial = about.end?.state === 'completed' ? '' : `; partial: the run ${endWords(about.end)}`;
  stderr.write(`${output ?? 'standard output'}: ${size(bytes).replace('\u00a0', ' ')}, ${which}${partial}\n`);
}
