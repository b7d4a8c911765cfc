import { createHash } from 'node:crypto';
import type { RunAbout } from './about.js';
import { failureSection } from './failure-section.js';
import type { Figures } from './figures.js';
import { type Html, html, trusted } from './html.js';
import { latencySection } from './latency-section.js';
import { modelRows } from './model-rows.js';
import { modelSection } from './model-section.js';
import { moment } from './moment.js';
import { overview } from './overview.js';
import type { TableRow } from './row.js';
import { rowBlocks } from './row-blocks.js';
import { type RowScope, rowSection } from './row-section.js';
import { throughputSection } from './throughput-chart.js';

/** The page's own script and style. */
export interface PageAssets {
  readonly script: string;
  readonly style: string;
}

/** All that a report is made of but its rows. */
export interface Report {
  readonly about: RunAbout;
  readonly figures: Figures;
  readonly scope: RowScope;
}

/** A report as one HTML page, piece by piece: memory is one block of rows. `rows` are those of the table, in input order. */
export async function* reportPage(
  report: Report,
  rows: AsyncIterable<TableRow>,
  assets: PageAssets,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield Buffer.from(beginning(report, assets).text);
  for await (const block of rowBlocks(rows)) {
    yield Buffer.from(`<script type="application/gzip" class="rows">${block}</script>\n`);
  }
  yield Buffer.from('</body>\n</html>\n');
}

function beginning({ about, figures, scope }: Report, assets: PageAssets): Html {
  const models = modelRows(about, figures);
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="${policy(assets)}">
<meta name="referrer" content="no-referrer">
<title>${about.runId} · batch report</title>
<link rel="icon" href="data:,">
<style>${trusted(inline(assets.style, 'style'))}</style>
</head>
<body>
<main>
${overview(about, figures)}${throughputSection(figures)}${latencySection(models, figures)}${modelSection(models)}${failureSection(figures)}${rowSection(scope)}</main>
<footer><p>Written by dria-temporal ${moment(about.writtenAt)}. This page holds everything it shows and asks no network.</p></footer>
<script>${trusted(inline(assets.script, 'script'))}</script>
`;
}

/** Nothing is loaded from anywhere, and no script runs but the page's own. */
function policy({ script }: PageAssets): string {
  const hash = createHash('sha256').update(script).digest('base64');
  return `default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`;
}

/** What stands inside an element of its own must not hold what ends it. */
function inline(text: string, element: 'script' | 'style'): string {
  if (text.includes(`</${element}`) || text.includes('<!--')) throw new RangeError(`the page's ${element} ends itself`);
  return text;
}
