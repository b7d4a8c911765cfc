import { API_PATHS, type ApiName } from '../../batch/api.js';
import { dollarText } from '../../batch/cost.js';
import { type Bounds, type PlannedModel, type RunEstimate, tokenRule } from '../../batch/estimate.js';
import { countOf, MODALITIES, type Modality, type ModalityCounts } from '../../batch/modality.js';
import { formatCount, formatItems, formatShort } from './format.js';
import { type Column, tableLines } from './table.js';
import { clean, clip, namedLines, wrap } from './text.js';

/** What a run would be: the answer of `batch --dry-run`, also as JSON. */
export interface DryRun extends Omit<RunEstimate, 'models' | 'credits'> {
  readonly run: string;
  /** What the storage has under that id. */
  readonly earlier: 'none' | 'unfinished' | 'ended';
  /** Name of the input. */
  readonly input: string;
  /** Null is standard output. */
  readonly output: string | null;
  readonly storage: string;
  readonly endpoint: string;
  /** By modality those that would be asked. */
  readonly items: Readonly<ModalityCounts> & {
    readonly all: number;
    readonly invalid: number;
    /** The same as an earlier item: answered with that. */
    readonly duplicates: number;
    /** Answered by an earlier run. */
    readonly reused: number;
  };
  /** What `--reuse` would come to, in words; null without it. */
  readonly reuse: string | null;
  readonly chunks: number;
  /** What the items are asked by. */
  readonly api: ApiName;
  readonly options: { readonly concurrency: number; readonly maxTokens: number; readonly retries: number };
  /** Most nodes first; `up` is whether the endpoint's list has it. */
  readonly models: readonly (PlannedModel & { readonly up: boolean })[];
  /** What would keep the run from going well, a sentence each. */
  readonly warnings: readonly string[];
  readonly credits: { readonly balance: number | null; readonly estimate: Bounds | null };
  /** By the prices of several endpoints, without retries, US dollars; null if some model has none, absent for one endpoint. */
  readonly cost?: Bounds | null;
}

/** Width that a page is written for. */
const WIDTH = 80;
/** Where the facts begin. */
const INDENT = 11;

/** Models that are shown; the rest is counted. */
const SHOWN_MODELS = 20;

/** Longer names of models are clipped. */
const LONGEST_NAME = 32;

/** Modalities that have a column though nothing would be asked of them. */
const USUAL: readonly Modality[] = ['text', 'vision', 'audio'];

const FIRST_COLUMNS: readonly Column<DryRun['models'][number]>[] = [
  { title: 'MODEL', align: 'left', value: ({ id }) => id, most: LONGEST_NAME },
  { title: 'MODALITY', align: 'left', value: ({ modality }) => modality },
  { title: 'NODES', align: 'right', value: ({ nodes, up }) => (up ? formatCount(nodes) : '-') },
];

function columnsOf(models: DryRun['models']): readonly Column<DryRun['models'][number]>[] {
  const shown = MODALITIES.filter(
    (modality) => USUAL.includes(modality) || models.some(({ items }) => countOf(items, modality) > 0),
  );
  const counts = shown.map(
    (modality): Column<DryRun['models'][number]> => ({
      title: modality.toUpperCase(),
      align: 'right',
      value: ({ items }) => formatCount(countOf(items, modality)),
    }),
  );
  return [...FIRST_COLUMNS, ...counts];
}

/** What a run would be, as a page of text within 80 columns, without a line end at its end. */
export function dryRunView(plan: DryRun): string {
  const { run, endpoint, storage, output, models, reuse } = plan;
  return [
    ...fact('Input', plan.input),
    ...fact('Items', itemsText(plan)),
    ...(reuse === null ? [] : fact('Reuse', reuse)),
    ...fact('Run', `${run}: ${EARLIER[plan.earlier]}`),
    ...fact('Endpoint', plan.api === 'chat' ? endpoint : `${endpoint}${API_PATHS[plan.api]}`),
    ...fact('Storage', storage),
    ...fact('Output', output ?? 'standard output'),
    '',
    ...modelLines(models),
    '',
    ...warningLines(plan),
    ...fact('Requests', requestsText(plan)),
    ...fact('Tokens', tokensText(plan)),
    ...fact('', tokenRule(plan.api)),
    ...(plan.cost === undefined ? fact('Credits', creditsText(plan)) : fact('Cost', costText(plan.cost))),
    '',
    'A dry run: no prompt was sent, nothing was started or stored.',
  ].join('\n');
}

function modelLines(models: DryRun['models']): string[] {
  if (models.length === 0) return ['No model has nodes now.'];
  const rest = models.length - SHOWN_MODELS;
  const lines = tableLines(columnsOf(models), models.slice(0, SHOWN_MODELS)).map((line) => clip(line, WIDTH));
  return rest > 0 ? [...lines, `… and ${formatCount(rest)} more models`] : lines;
}

const EARLIER: Readonly<Record<DryRun['earlier'], string>> = {
  none: 'new',
  unfinished: 'begun earlier; it would go on with what it has',
  ended: 'has ended; its results would be written, and nothing sent',
};

/** A fact after its name, over as many lines as it takes. */
function fact(name: string, text: string): string[] {
  return namedLines(name.padEnd(INDENT), text, WIDTH);
}

function itemsText({ items, chunks }: DryRun): string {
  const kinds = MODALITIES.filter((modality) => countOf(items, modality) > 0).map(
    (modality) => `${formatCount(countOf(items, modality))} ${modality}`,
  );
  const invalid = items.invalid === 0 ? [] : [`${formatCount(items.invalid)} invalid, which get an error line each`];
  const others = [
    ...(items.duplicates === 0 ? [] : [`${formatCount(items.duplicates)} the same as another, asked once`]),
    ...(items.reused === 0 ? [] : [`${formatCount(items.reused)} reused, not asked`]),
  ];
  const parts = `${formatCount(chunks)} ${chunks === 1 ? 'chunk' : 'chunks'}`;
  return `${formatCount(items.all)} in ${parts}: ${[...kinds, ...others, ...invalid].join(', ')}`;
}

function warningLines({ unserved, models, warnings }: DryRun): string[] {
  const waiting = MODALITIES.filter((modality) => countOf(unserved, modality) > 0).map(
    (modality) => `No model takes ${modality} now: ${formatItems(countOf(unserved, modality))} would get no answer.`,
  );
  const unlisted = models.filter(({ up }) => !up).map(({ id }) => `${id} is not in the endpoint's list of models.`);
  const found = warnings.map((text) => `warning: ${text}`);
  const lines = [...waiting, ...unlisted, ...found].flatMap((text) => wrap(clean(text), WIDTH));
  return lines.length === 0 ? [] : [...lines, ''];
}

function requestsText({ requests, options }: DryRun): string {
  const { concurrency, retries } = options;
  const most = `${formatCount(requests.atMost)} at most (--retries ${retries})`;
  return `${formatCount(requests.atLeast)} at least, ${most}, ${formatCount(concurrency)} at a time`;
}

function tokensText({ promptTokens, completionTokensAtMost, options, api }: DryRun): string {
  if (api === 'embeddings') return `about ${formatShort(promptTokens)} of inputs; vectors cost none`;
  const answers = `${formatShort(completionTokensAtMost)} of answers at most (--max-tokens ${options.maxTokens})`;
  return `about ${formatShort(promptTokens)} of prompts; ${answers}`;
}

function costText(cost: Bounds | null): string {
  if (cost === null) return 'unknown: some model that would be asked has no price in the file of --endpoints';
  return `${dollarText(cost.atLeast)} to ${dollarText(cost.atMost)} by the prices of the endpoints, without retries`;
}

function creditsText({ credits: { balance, estimate } }: DryRun): string {
  const have = balance === null ? 'the endpoint tells no balance' : `${formatCredits(balance)} left`;
  if (estimate === null) return `${have}. The endpoint tells no prices: --canary measures what a run costs.`;
  const { atLeast, atMost } = estimate;
  const cost = `${have}; at the listed prices ${formatCredits(atLeast)} for the prompts, ${formatCredits(atMost)} with the longest answers, without retries.`;
  return balance !== null && balance < atLeast ? `${cost} That is more than is left.` : cost;
}

/** Credits with as many places as tell something. */
function formatCredits(credits: number): string {
  if (credits >= 100) return formatCount(credits);
  return String(Number(credits.toPrecision(3)));
}
