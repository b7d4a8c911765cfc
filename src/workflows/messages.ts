import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { RunChange } from '../batch/change.js';
import type { Progress } from '../batch/progress.js';
import type { ChunkOrders, ChunkReport } from '../batch/reports.js';

/** How a run goes. Read-only: safe to ask at any time, also after the run has ended. */
export const progressQuery = defineQuery<Progress>('progress');

/** Stops giving out work; requests in flight finish. An update, since the caller wants to know that it was heard. */
export const pauseUpdate = defineUpdate<Progress>('pause');

/** Goes on with a paused run. */
export const resumeUpdate = defineUpdate<Progress>('resume');

/** Changes how a run under way goes on: lanes, model, tokens, limits. Refused with the field's name when it cannot be. */
export const setUpdate = defineUpdate<Progress, [RunChange]>('set');

/** From a chunk to its parent, by workflow id, so that a parent that continued as new still gets it. */
export const chunkReportSignal = defineSignal<[ChunkReport]>('chunkReport');

/** From the parent to a chunk: lanes, pause, models, options, allowance. */
export const chunkOrdersSignal = defineSignal<[ChunkOrders]>('chunkOrders');
