import { InvalidArgumentError } from 'commander';
import { MODALITIES } from '../../batch/modality.js';
import { likenessOf } from '../../simulator/likenesses.js';
import { FAULT_KINDS } from '../../simulator/responses.js';

/** The flags that hold more than a word, in the form in which the simulator's options have them. */

/** A number that is not negative. */
export function parseNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < 0) throw new InvalidArgumentError('Not a number.');
  return value;
}

/** `500`, `300-1200` or `lognormal:800,0.5`. */
export function parseLatency(text: string): object {
  const [, medianMs, sigma] = /^lognormal:([\d.]+),([\d.]+)$/.exec(text) ?? [];
  if (medianMs !== undefined && sigma !== undefined) {
    return { kind: 'lognormal', medianMs: parseNumber(medianMs), sigma: parseNumber(sigma) };
  }
  const [, minMs, maxMs] = /^([\d.]+)-([\d.]+)$/.exec(text) ?? [];
  if (minMs === undefined || maxMs === undefined) return { kind: 'fixed', ms: parseNumber(text) };
  return { kind: 'uniform', minMs: parseNumber(minMs), maxMs: parseNumber(maxMs) };
}

/** `200:20000`: one prompt in 200 takes 20 s. */
export function parseSlow(text: string): object {
  const [every, ms] = splitAtLast(text, ':', '200:20000');
  return { every: parseNumber(every), ms: parseNumber(ms) };
}

/** `qwen3.5:9b=16`, or `reader=3,vision+document` with what it takes. */
export function parseModel(text: string): object {
  const [id, rest] = splitAtLast(text, '=', 'qwen3.5:9b=16');
  const [nodes = '', modality] = rest.split(',');
  if (modality === undefined) return { id, nodes: parseNumber(nodes) };
  if (MODALITIES.every((known) => known !== modality)) {
    throw new InvalidArgumentError(`What a model takes is one of ${MODALITIES.join(', ')}.`);
  }
  return { id, nodes: parseNumber(nodes), modality };
}

/** `503:0.01` or `reset:0.001`. */
export function parseFault(text: string): object {
  const [what, rate] = splitAtLast(text, ':', '503:0.01');
  if (/^[45]\d\d$/.test(what)) return { rate: parseNumber(rate), respond: { status: Number(what) } };
  const kind = FAULT_KINDS.find((known) => known === what);
  if (kind === undefined) throw new InvalidArgumentError(`Expected a status over 399 or ${FAULT_KINDS.join(', ')}.`);
  return { rate: parseNumber(rate), respond: { kind } };
}

/** Parses a flag that may be given several times. */
export function collect<T>(parse: (text: string) => T): (text: string, before: T[] | undefined) => T[] {
  return (text, before = []) => [...before, parse(text)];
}

function splitAtLast(text: string, separator: string, example: string): [string, string] {
  const at = text.lastIndexOf(separator);
  if (at <= 0) throw new InvalidArgumentError(`Expected something like ${example}.`);
  return [text.slice(0, at), text.slice(at + 1)];
}

/** `groq`: a well-known endpoint. */
export function parseLikeness(text: string): string {
  try {
    return likenessOf(text).name;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new InvalidArgumentError(error.message);
  }
}
