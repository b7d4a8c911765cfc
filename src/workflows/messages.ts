import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { RunChange } from '../batch/change.js';
import type { ChunkOrders, ChunkReport } from '../batch/chunk-messages.js';
import type { Progress } from '../batch/progress.js';

/** Returns the progress of a run. Read-only: safe at any time, also after the run has ended. */
export const progressQuery = defineQuery<Progress>('progress');

/** Stops giving out work; requests in flight finish. An update, since the caller wants to know that it was applied. */
export const pauseUpdate = defineUpdate<Progress>('pause');

/** Resumes a paused run. */
export const resumeUpdate = defineUpdate<Progress>('resume');

/** Changes the options of a running run: permits, model, tokens, limits. Refused with the field's name if it cannot be. */
export const setUpdate = defineUpdate<Progress, [RunChange]>('set');

/** The updates as signals, for workflows, which cannot send updates: no answer comes, and a refusal is a note of the run. */
export const pauseSignal = defineSignal('pause');
export const resumeSignal = defineSignal('resume');
export const setSignal = defineSignal<[RunChange]>('set');

/** From a chunk to its parent, by workflow id, so that a parent that continued as new still receives it. */
export const chunkReportSignal = defineSignal<[ChunkReport]>('chunkReport');

/** From the parent to a chunk. */
export const chunkOrdersSignal = defineSignal<[ChunkOrders]>('chunkOrders');
