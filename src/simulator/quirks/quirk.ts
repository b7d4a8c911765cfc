import type { CompletionBody } from '../answers.js';
import type { Asked } from '../chat-request.js';
import type { ModelEntry } from '../models.js';
import type { Payload } from '../payload.js';
import type { FaultResponse, StatusResponse } from '../responses.js';

/** What a quirk may depend on besides the request. */
export interface QuirkContext {
  readonly seed: string | number;
  /** Whether the quirk is about a model. */
  isAbout(model: string): boolean;
  /** Whether the network has a model. */
  has(model: string): boolean;
}

/** A time in which the server does not listen, in ms since the quirk was set. */
export interface Downtime {
  readonly startMs: number;
  readonly endMs: number;
}

/** Registers what is done when a request ends. */
export type OnEnd = (listener: (answered: boolean) => void) => void;

/** The places at which a quirk may act. All are optional. None acts on `/_sim`. */
export interface QuirkHooks {
  readonly downtime?: Downtime;
  /** Maps a path to the one that answers it, or refuses it. */
  path?(path: string): string | StatusResponse;
  /** Refuses the models list or the balance. */
  account?(page: 'models' | 'balance', headers: Asked['headers']): StatusResponse | undefined;
  /** Changes the models list. */
  list?(entries: readonly ModelEntry[]): readonly ModelEntry[];
  /** Refuses a chat request to a model that the quirk is about, before anything else is done with it. */
  refuse?(asked: Asked, onEnd: OnEnd): FaultResponse | undefined | Promise<FaultResponse | undefined>;
  /** Changes an answer of such a model. Returns the same object if it does not. */
  answer?(body: CompletionBody, asked: Asked): CompletionBody;
  /** Changes the bytes of a response. */
  write?(payload: Payload): Payload;
  /** Adds answers to what has been paid for. */
  topUp?(answers: number): void;
}

/** A way in which an endpoint differs from what its clients expect. */
export interface Quirk {
  readonly name: string;
  /** The form of its value in the help, if it takes one. */
  readonly value?: string;
  /** Is about one model: the first of the list, if none is given. Others are about all. */
  readonly oneModel?: boolean;
  /** One line for the help. */
  readonly help: string;
  /** Starts the quirk. Throws {@link BadQuirk} for a value that it cannot take. Has no effect outside of its hooks. */
  start(value: string | undefined, context: QuirkContext): QuirkHooks;
}

/** A quirk that does not exist, or a value that it cannot take. */
export class BadQuirk extends Error {
  override readonly name = 'BadQuirk';
}
