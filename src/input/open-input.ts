import type { ReadOptions } from '../batch/read-options.js';
import { convertInput } from './convert.js';
import { type DetectedFile, detectFile } from './detect.js';
import type { InputFile } from './input-file.js';
import { rowMapping } from './mapping.js';
import type { InputPlaces } from './places.js';

/** The files of an input, whose formats are known. */
export interface OpenedFiles {
  readonly files: readonly DetectedFile[];
  /** The one file, if it is JSONL that needs no conversion. */
  readonly plain: InputFile | undefined;
  /** Folders of the files, each once: relative attachments are against them. */
  readonly folders: readonly string[];
  /** Reads them as one stream of JSONL; if pipes are among them, once. */
  read(): OpenedStream;
}

/** An input as JSONL. */
export interface OpenedStream {
  readonly source: AsyncIterable<Uint8Array>;
  /** Where its lines come from; absent if it is the file itself. */
  readonly places: InputPlaces | undefined;
}

/** Finds out what the files of an input are and how they are read. Throws an `InputError` for what cannot be read. */
export async function detectFiles(
  inputs: readonly InputFile[],
  options: ReadOptions,
  roots: readonly string[],
): Promise<OpenedFiles> {
  const { known, isIdentity } = rowMapping(options);
  const files: DetectedFile[] = [];
  for (const file of inputs) files.push(await detectFile(file, options, known));
  const [first] = files;
  const isPlain = files.length === 1 && first?.format === 'jsonl' && first.compression === undefined;
  const plain = isPlain && isIdentity && options.idFrom === undefined ? first?.file : undefined;
  const folders = [...new Set(inputs.flatMap(({ folder }) => folder ?? []))];
  const convert = () => convertInput(files, rowMapping(options), options, roots);
  // A pipe has been read from: its content begins with what was read.
  const read = () =>
    plain === undefined || first === undefined ? convert() : { source: first.content(), places: undefined };
  return { files, plain, folders, read };
}
