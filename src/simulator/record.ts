import type { Attachment } from './attachments.js';

/** How a request ended: its status, or what became of the connection. Undefined: not yet. */
export type Outcome = number | 'reset' | 'truncated' | 'left';

/** One request for an answer, or for vectors, as `GET /_sim/requests` shows it. Never holds a key. */
export interface RequestRecord {
  /** Number of the request since the start or the last reset, from 1. */
  readonly n: number;
  /** When it came, epoch ms. */
  readonly at: number;
  /** First 12 hex digits of the SHA-256 of its key. */
  readonly keyHash?: string | undefined;
  model?: string;
  promptHash?: string;
  /** First 80 characters. */
  prompt?: string;
  /** First 80 characters of the system message. */
  system?: string;
  /** The first. */
  attachment?: Attachment | undefined;
  /** All of them, if there are several. */
  attachments?: readonly Attachment[];
  maxTokens?: number;
  temperature?: number;
  timeoutSecs?: number;
  hasSchema?: boolean;
  /** Inputs of a request for embeddings. */
  inputs?: number;
  /** Path that it came by, unless that is the one of chats. */
  path?: string;
  /** Messages in its conversation. */
  messages?: number;
  /** Names of the fields in its body. */
  fields?: readonly string[];
  /** Type of its `response_format`. */
  format?: string | undefined;
  /** Quirks that refused it or changed its answer. */
  quirks?: string[];
  status?: Outcome;
  /** A usable answer, not only a 200. */
  answered?: boolean;
  /** When it ended, epoch ms. */
  endedAt?: number;
  /** From arrival to the answer. */
  latencyMs?: number;
}

/** Counts since the start or the last reset, as `GET /_sim/stats` shows them. */
export interface SimulatorStats {
  /** Requests that came. */
  readonly requests: number;
  /** Requests that got a usable answer. */
  readonly answered: number;
  readonly byStatus: Readonly<Record<string, number>>;
  readonly byModel: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Requests that are being answered now. */
  readonly inFlight: number;
  /** The most there were at once. A request counts until its answer is handed to the socket, so never too many. */
  readonly maxInFlight: number;
  /** Epoch ms. */
  readonly firstRequestAt?: number | undefined;
  readonly lastAnswerAt?: number | undefined;
  /** Requests in the record; fewer than `requests` when it is off or full. */
  readonly recorded: number;
}

/** What was asked of the simulated network. */
export class Recorder {
  #records: RequestRecord[] = [];
  #requests = 0;
  #answered = 0;
  #byStatus: Record<string, number> = {};
  #byModel = new Map<string, Record<string, number>>();
  #inFlight = 0;
  #maxInFlight = 0;
  #firstRequestAt: number | undefined;
  #lastAnswerAt: number | undefined;
  /** A request from before a reset is not counted when it ends after it. */
  #generation: object = {};

  /** @param limit requests that are recorded one by one; 0 records none. */
  constructor(private readonly limit: number) {}

  /** Counts a request that came. Returns its record, and what to call once when it has ended. */
  begin(keyHash: string | undefined): { record: RequestRecord; end: (outcome: Outcome, answered: boolean) => void } {
    const at = Date.now();
    const generation = this.#generation;
    this.#requests += 1;
    this.#inFlight += 1;
    this.#maxInFlight = Math.max(this.#maxInFlight, this.#inFlight);
    this.#firstRequestAt ??= at;
    const record: RequestRecord = { n: this.#requests, at, keyHash };
    if (this.#records.length < this.limit) this.#records.push(record);
    const end = (outcome: Outcome, answered: boolean): void => {
      this.#inFlight -= 1;
      record.status = outcome;
      record.answered = answered;
      record.endedAt = Date.now();
      record.latencyMs = record.endedAt - at;
      if (generation === this.#generation) this.#count(record, outcome, answered);
    };
    return { record, end };
  }

  #count({ model }: RequestRecord, outcome: Outcome, answered: boolean): void {
    this.#byStatus[outcome] = (this.#byStatus[outcome] ?? 0) + 1;
    if (model !== undefined) {
      const counts = this.#byModel.get(model) ?? {};
      counts[outcome] = (counts[outcome] ?? 0) + 1;
      this.#byModel.set(model, counts);
    }
    if (!answered) return;
    this.#answered += 1;
    this.#lastAnswerAt = Date.now();
  }

  stats(): SimulatorStats {
    return {
      requests: this.#requests,
      answered: this.#answered,
      byStatus: { ...this.#byStatus },
      byModel: Object.fromEntries(this.#byModel),
      inFlight: this.#inFlight,
      maxInFlight: this.#maxInFlight,
      firstRequestAt: this.#firstRequestAt,
      lastAnswerAt: this.#lastAnswerAt,
      recorded: this.#records.length,
    };
  }

  /** The record in order of arrival. */
  requests(): readonly RequestRecord[] {
    return this.#records;
  }

  /** Starts anew. Requests in flight stay in flight, and their end is not counted. */
  reset(): void {
    this.#records = [];
    this.#requests = 0;
    this.#answered = 0;
    this.#byStatus = {};
    this.#byModel = new Map();
    this.#maxInFlight = this.#inFlight;
    this.#firstRequestAt = undefined;
    this.#lastAnswerAt = undefined;
    this.#generation = {};
  }
}
