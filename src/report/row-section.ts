import { type Html, html, scriptJson } from './html.js';
import type { RowCounts } from './sample.js';
import { count } from './words.js';

/** How many rows the page holds of how many. */
export interface RowScope {
  readonly held: RowCounts;
  readonly all: RowCounts;
}

/** The frame of the table of rows. The page's script fills it from the blocks that follow. */
export function rowSection(scope: RowScope): Html {
  const rows = scope.held.ok + scope.held.failed;
  return html`<section id="rows" aria-labelledby="rows-title"><h2 id="rows-title">Rows</h2>
${sampleNote(scope)}
<noscript><p class="notice">The table of rows needs JavaScript; everything above does not.</p></noscript>
<p class="note print">The table of rows is in the page and not in the print.</p>
<form id="filters" role="search" hidden>
<label class="grow"><span>Search</span><input id="search" type="search" placeholder="id, prompt, answer or error" autocomplete="off" spellcheck="false"></label>
<label><span>Status</span><select id="status"></select></label>
<label><span>Model</span><select id="model"></select></label>
<output id="found" for="search status model" aria-live="polite"></output>
</form>
<div id="table" hidden></div>
<dialog id="detail" aria-labelledby="detail-title"></dialog>
<script type="application/json" id="row-count">${scriptJson(rows)}</script></section>
`;
}

function sampleNote({ held, all }: RowScope): Html | undefined {
  const [rows, total] = [held.ok + held.failed, all.ok + all.failed];
  if (rows === total) return undefined;
  const failures = held.failed === all.failed ? 'all' : count(held.failed);
  return html`<p class="notice" role="note"><strong>A sample.</strong> This run is too large for one page: the table holds ${count(rows)} of its ${count(total)} rows: ${failures} of ${count(all.failed)} failed and ${count(held.ok)} of ${count(all.ok)} answered ones, evenly spread. The figures above are of all rows.</p>`;
}
