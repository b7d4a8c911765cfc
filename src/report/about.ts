import type { Modality } from '../batch/modality.js';

/** What is known of a model beside its rows. */
export interface ModelAbout {
  readonly id: string;
  /** Nodes at the last look; absent while the run has not ended. */
  readonly nodes?: number;
  /** Items that it gave up with a 503 or a refusal, and another model was asked. */
  readonly fallbacks: number;
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
  readonly modalities: Readonly<Record<Modality, number>>;
  /** Invalid lines of the input, which count as failed items. */
  readonly invalid: number;
  readonly models: readonly ModelAbout[];
  /** Requests sent, failed ones included, as far as they are known. */
  readonly requests: number;
  /** When the report was written, epoch ms. */
  readonly writtenAt: number;
  /** Present when the run has ended: its own count, and when it started and ended, epoch ms. */
  readonly ended?: {
    readonly ok: number;
    readonly failed: number;
    readonly startedAt: number;
    readonly endedAt: number;
  };
}
