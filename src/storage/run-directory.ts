import { createHash } from 'node:crypto';

/** The key of an input: by its content, so that runs of the same input share it and it is sent once. */
export function inputKey(sha256: string): string {
  return `inputs/${sha256}.jsonl`;
}

/** The key of a staged attachment, by its content. */
export function attachmentKey(sha256: string): string {
  return `attachments/${sha256}`;
}

/** The keys of one run's objects. Every key of a run is made here. */
export interface RunDirectory {
  /** Prefix of everything, with a slash at the end. */
  readonly prefix: string;
  /** What the input is: `Manifest` as JSON. */
  readonly manifest: string;
  /** Where each item is in the input: fixed-width records. */
  readonly offsets: string;
  /** What each item's attachment is: fixed-width records; only where attachments are staged. */
  readonly attachments: string;
  /** Options and attachment rules of the run, as JSON. */
  readonly settings: string;
  readonly results: string;
  readonly summary: string;
  /** Invalid lines of a chunk, JSONL; only where the chunk has some. */
  invalid(chunk: number): string;
  /** Prefix of what a chunk needs until its part is written, with a slash at the end. */
  chunk(chunk: number): string;
  /** Error lines of a chunk that was cancelled. */
  failures(chunk: number): string;
  /** Prefix of a chunk's segments, with a slash at the end. */
  segments(chunk: number): string;
  /** A block: answers of one or several segments of a chunk that a worker wrote at once. */
  block(chunk: number, name: string): string;
  part(chunk: number): string;
  /** What was counted of a chunk and what its part must be, written just before the part. */
  partCounts(chunk: number): string;
  /** When and how fast the part's answers came: `PartFacts` as JSON, written just before the part. */
  partFacts(chunk: number): string;
}

/** The run directory of a run id. Ids of other people's workflows may hold anything: what is no file name is escaped. */
export function runDirectory(run: string): RunDirectory {
  const prefix = `runs/${fileName(run)}/`;
  const folder = (chunk: number) => `${prefix}chunks/${chunk}/`;
  const segments = (chunk: number) => `${folder(chunk)}segments/`;
  return {
    prefix,
    manifest: `${prefix}manifest/manifest.json`,
    offsets: `${prefix}manifest/offsets`,
    attachments: `${prefix}manifest/attachments`,
    settings: `${prefix}manifest/settings.json`,
    results: `${prefix}results.jsonl`,
    summary: `${prefix}summary.json`,
    invalid: (chunk) => `${prefix}manifest/invalid/${chunk}.jsonl`,
    chunk: folder,
    failures: (chunk) => `${folder(chunk)}failures.jsonl`,
    segments,
    block: (chunk, name) => `${segments(chunk)}${name}.jsonl`,
    part: (chunk) => `${prefix}parts/${chunk}.jsonl`,
    partCounts: (chunk) => `${prefix}parts/${chunk}.json`,
    partFacts: (chunk) => `${prefix}parts/${chunk}.facts.json`,
  };
}

/** Longest name that file systems take, bytes, less what may come after it. */
const LONGEST_NAME = 200;

function fileName(run: string): string {
  if (run === '') throw new RangeError('a run has no empty id');
  // encodeURIComponent leaves dots and stars alone; "." and ".." are folders, and "*" is no name on some systems.
  const name = encodeURIComponent(run)
    .replace(/^\.+/, (dots) => '%2E'.repeat(dots.length))
    .replaceAll('*', '%2A');
  if (name.length <= LONGEST_NAME) return name;
  // Temporal takes ids of 1,000 characters. No name that was only escaped has "%-" in it.
  return `${name.slice(0, 100)}%-${createHash('sha256').update(run).digest('hex')}`;
}
