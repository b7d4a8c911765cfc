import type { ModalityCounts } from '../batch/modality.js';

/** What is known of a model beside its rows. */
export interface ModelAbout {
  readonly id: string;
  /** Nodes at the last look; absent while the run has not ended. */
  readonly nodes?: number;
  /** Items that it gave up with a 503 or a refusal, and another model was asked. */
  readonly fallbacks: number;
}

/** How a run has ended, and its own count. */
export interface RunEnd {
  /** Only a completed run has all of its rows. */
  readonly state: 'completed' | 'cancelled' | 'failed';
  readonly ok: number;
  readonly failed: number;
  readonly skipped: number;
  /** Requests that asked again. */
  readonly retries: number;
  /** Tokens of prompts that came from the endpoint's cache; absent if there are none. */
  readonly cachedTokens?: number | undefined;
  /** Credits, where the endpoint tells. */
  readonly credits?: { readonly spent: number; readonly wasted: number } | undefined;
  /** Epoch ms. */
  readonly startedAt: number;
  readonly endedAt: number;
}

/** What a report says of a run beside its rows. */
export interface RunAbout {
  readonly runId: string;
  /** All items of the input. */
  readonly items: number;
  /** Size of the input, bytes. */
  readonly bytes: number;
  /** Of the input, hex. */
  readonly sha256: string;
  readonly modalities: Readonly<ModalityCounts>;
  /** Invalid lines of the input. */
  readonly invalid: number;
  readonly models: readonly ModelAbout[];
  /** Requests sent, failed ones included, as far as they are known. */
  readonly requests: number;
  /** When the report was written, epoch ms. */
  readonly writtenAt: number;
  /** Only when the run has ended. */
  readonly end?: RunEnd;
}
