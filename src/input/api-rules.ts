import { API_PATHS, type ApiName } from '../batch/api.js';
import type { FieldProblem } from './errors.js';
import type { ParsedItem } from './parse-line.js';

/** Fields of an item that a path has no place for, and why. */
const NO_PLACE: Readonly<Record<ApiName, readonly FieldProblem[]>> = {
  chat: [],
  responses: [],
  completions: [
    { field: 'messages', message: 'a plain completion has one prompt and no roles: give a prompt, or ask by chat' },
    { field: 'attachment', message: 'a plain completion takes text alone: ask by chat or responses' },
    { field: 'attachments', message: 'a plain completion takes text alone: ask by chat or responses' },
    { field: 'schema', message: 'a plain completion has no place for one: ask by chat or responses' },
  ],
  embeddings: [
    { field: 'messages', message: 'an embedding is of a text: give a prompt' },
    { field: 'attachment', message: 'an embedding is of a text: leave it out' },
    { field: 'attachments', message: 'an embedding is of a text: leave them out' },
    { field: 'schema', message: 'an embedding is no JSON: leave it out' },
    { field: 'system', message: 'an embedding is of one text: write it into the prompt' },
    { field: 'max_tokens', message: 'an embedding has no tokens of an answer: leave it out' },
    { field: 'temperature', message: 'an embedding has none: leave it out' },
  ],
};

const NO_PROBLEMS: readonly FieldProblem[] = [];

/** Remembers what the first item of an input is asked by, unless the run says it: all are asked by the same. */
export class ApiRules {
  /** Line of the first item, 1-based; absent if the run says it. */
  private first: number | undefined;

  constructor(private wanted: ApiName | undefined) {}

  /** What the run's items are asked by. */
  get api(): ApiName {
    return this.wanted ?? 'chat';
  }

  /** Returns what is wrong with the item of a line, if it is asked by what the run is. */
  problems(item: ParsedItem, line: number): readonly FieldProblem[] {
    if (this.wanted === undefined) {
      // Without a URL, an input or a prompt of a body may be any path's.
      if (item.input !== undefined && item.api === undefined) return [NO_URL];
      this.wanted = item.api ?? 'chat';
      this.first = line;
    }
    const own = item.api ?? (this.first === undefined ? this.wanted : 'chat');
    if (own !== this.wanted) return [this.otherPath(own)];
    if (this.wanted !== 'chat') return NO_PLACE[this.wanted].filter(({ field = '' }) => field in item);
    return item.input === undefined ? NO_PROBLEMS : [{ field: 'body', message: 'has no messages' }];
  }

  private otherPath(own: ApiName): FieldProblem {
    const wanted = `/v1${API_PATHS[this.api]}`;
    const why = this.first === undefined ? `the run asks by ${wanted}` : `line ${this.first} asks by ${wanted}`;
    return { field: 'url', message: `/v1${API_PATHS[own]}, but ${why}: give a file for each path` };
  }
}

const NO_URL: FieldProblem = {
  field: 'url',
  message: 'missing, and the body has no messages: say by --api, or options.api, which path it is for',
};
