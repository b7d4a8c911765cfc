import { createHash } from 'node:crypto';

/** Returns the key of an input. It follows from the content, so that runs of the same input share one object. */
export function inputKey(sha256: string): string {
  return `inputs/${sha256}.jsonl`;
}

/** Returns true for a key of {@link inputKey}, whatever the content. */
export function isStagedInput(key: string): boolean {
  return /^inputs\/[0-9a-f]{64}\.jsonl$/.test(key);
}

/** Returns the key of a staged attachment, which follows from its content. */
export function attachmentKey(sha256: string): string {
  return `attachments/${sha256}`;
}

/** Returns the key of the checksum of results. */
export function resultsRecordOf(results: string): string {
  return results.replace(/\.jsonl$/, '.json');
}

/** Keys of one run's objects. Every key of a run is made here. */
export interface RunDirectory {
  /** Prefix of everything, with a slash at the end. */
  readonly prefix: string;
  /** `Owner` as JSON: whose the directory is. */
  readonly owner: string;
  /** `Manifest` as JSON. */
  readonly manifest: string;
  /** Position of each item in the input: fixed-width records. */
  readonly offsets: string;
  /** Attachment of each item: fixed-width records; only if attachments are staged. */
  readonly attachments: string;
  /** Key of each item, and which are the same: fixed-width records. */
  readonly keys: string;
  /** State of each item's attached file when the input was checked: fixed-width records; only if files are attached. */
  readonly stamps: string;
  /** Order in which each chunk's items are asked: fixed-width records; only for a run that groups prompts. */
  readonly order: string;
  /** `StoredSettings` as JSON. */
  readonly settings: string;
  readonly results: string;
  /** Checksum of the results, as JSON; written after them. */
  readonly resultsRecord: string;
  readonly summary: string;
  /** Invalid lines of the chunk whose first item this is, JSONL; only if the chunk has some. */
  invalid(first: number): string;
  /** Output lines of a chunk's items whose answers were taken from an earlier run, JSONL; only if there are some. */
  reused(chunk: number): string;
  /** What belongs to those lines, as JSON; written after them. */
  reusedRecord(chunk: number): string;
  /** Prefix of the objects that a chunk needs until its part is written, with a slash at the end. */
  chunk(chunk: number): string;
  /** Prefix of a chunk's segments, with a slash at the end. */
  segments(chunk: number): string;
  /** A segment: outcomes of a chunk's items that one worker wrote, JSONL. */
  segment(chunk: number, name: string): string;
  part(chunk: number): string;
  /** Counts of a chunk and the checksum of its part, as JSON; written after the part. */
  partCounts(chunk: number): string;
  /** Times and attempts of the part's items: `PartFacts` as JSON; written before the part. */
  partFacts(chunk: number): string;
  /** Prefix of what one reader of new lines was given, with a slash at the end. */
  cursors(name: string): string;
}

/** Returns the run directory of a run id. Workflow ids may contain anything: characters that a file name cannot have are escaped. */
export function runDirectory(run: string): RunDirectory {
  const prefix = `runs/${fileName(run)}/`;
  const folder = (chunk: number) => `${prefix}chunks/${chunk}/`;
  const segments = (chunk: number) => `${folder(chunk)}segments/`;
  const results = `${prefix}results.jsonl`;
  return {
    prefix,
    owner: `${prefix}owner.json`,
    manifest: `${prefix}manifest/manifest.json`,
    offsets: `${prefix}manifest/offsets`,
    attachments: `${prefix}manifest/attachments`,
    keys: `${prefix}manifest/keys`,
    stamps: `${prefix}manifest/stamps`,
    order: `${prefix}manifest/order`,
    settings: `${prefix}manifest/settings.json`,
    results,
    resultsRecord: resultsRecordOf(results),
    summary: `${prefix}summary.json`,
    invalid: (first) => `${prefix}manifest/invalid/${first}.jsonl`,
    reused: (chunk) => `${prefix}manifest/reused/${chunk}.jsonl`,
    reusedRecord: (chunk) => `${prefix}manifest/reused/${chunk}.json`,
    chunk: folder,
    segments,
    segment: (chunk, name) => `${segments(chunk)}${name}.jsonl`,
    part: (chunk) => `${prefix}parts/${chunk}.jsonl`,
    partCounts: (chunk) => `${prefix}parts/${chunk}.json`,
    partFacts: (chunk) => `${prefix}parts/${chunk}.facts.json`,
    cursors: (name) => `${prefix}cursors/${fileName(name)}/`,
  };
}

/** Returns the id of the run that a folder under `runs/` is named after; undefined for a long id, which was cut short. */
export function runIdOf(folder: string): string | undefined {
  return folder.includes('%-') ? undefined : decodeURIComponent(folder);
}

/** Maximum length of a folder's name (bytes): file systems allow 255, and a suffix may follow. */
const LONGEST_NAME = 200;

function fileName(run: string): string {
  if (run === '') throw new RangeError('a run has no empty id');
  // encodeURIComponent leaves dots and stars alone; "." and ".." are folders, and some systems refuse "*".
  const name = encodeURIComponent(run)
    .replace(/^\.+/, (dots) => '%2E'.repeat(dots.length))
    .replaceAll('*', '%2A');
  if (name.length <= LONGEST_NAME) return name;
  // Temporal allows ids of 1,000 characters. A name that was only escaped never contains "%-".
  return `${name.slice(0, 100)}%-${createHash('sha256').update(run).digest('hex')}`;
}
