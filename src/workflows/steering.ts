import { ApplicationFailure, condition, log, setHandler, workflowInfo } from '@temporalio/workflow';
import { changeProblem, needsModels, type RunChange } from '../batch/change.js';
import type { Listing } from '../batch/endpoint-rules.js';
import { pausedByOperator } from '../batch/pausing.js';
import type { Progress } from '../batch/progress.js';
import { startingProgress } from '../batch/run-view.js';
import { endpointSteps } from './activities.js';
import type { BatchRun } from './batch-run.js';
import { listModels } from './list-models.js';
import {
  chunkReportSignal,
  pauseSignal,
  pauseUpdate,
  progressQuery,
  resumeSignal,
  resumeUpdate,
  setSignal,
  setUpdate,
} from './messages.js';

/** How a run ended whose input could not be read. */
export type UnstartedEnd = Pick<Progress, 'state' | 'reason'>;

/** A run as its messages meet it. */
export interface Steered {
  /** Absent until the input has been read. */
  readonly run: BatchRun | undefined;
  /** What it waits for before that. */
  readonly waits: ReadonlySet<string>;
  /** Present if the run ended before that. */
  readonly ended: UnstartedEnd | undefined;
}

/** Handles the messages of a run. What comes before its input has been read is applied as soon as it has. */
export function handleMessages(steered: Steered): void {
  const startedAt = workflowInfo().startTime.getTime();
  const progress = (): Progress =>
    steered.run?.progress() ?? { ...startingProgress(startedAt, [...steered.waits]), ...steered.ended };
  const order = async (apply: (run: BatchRun) => void | Promise<void>): Promise<Progress> => {
    await apply(await begun(steered));
    return progress();
  };
  const pause = () => order((run) => run.pause(pausedByOperator(workflowInfo().workflowId)));
  const resume = () => order((run) => run.resume());
  const set = (change: RunChange) => order((run) => changeRun(run, change));
  const validator = (): void => refuseEnded(steered);
  const description = {
    pause: 'Give out no more work. Requests in flight are finished and kept.',
    resume: 'Go on with a paused run.',
    set:
      'Change an unfinished run: {"concurrency": 20, "model": "…" or null, "maxTokens": 500, "temperature": 0.2, ' +
      '"retries": 5, "timeoutSecs": 60, "maxTotalTokens": 1000000 or null, "maxCredits": 500 or null}.',
  };
  setHandler(progressQuery, progress, { description: 'How the run goes: state, counts, models, failures.' });
  setHandler(pauseUpdate, pause, { validator, description: description.pause });
  setHandler(resumeUpdate, resume, { validator, description: description.resume });
  setHandler(setUpdate, set, {
    validator: (change) => {
      refuseEnded(steered);
      refuseBadChange(change);
    },
    description: description.set,
  });
  setHandler(pauseSignal, () => unlessRefused(steered, 'pause', pause), { description: description.pause });
  setHandler(resumeSignal, () => unlessRefused(steered, 'resume', resume), { description: description.resume });
  setHandler(
    setSignal,
    (change) =>
      unlessRefused(steered, 'set', () => {
        refuseBadChange(change);
        return set(change);
      }),
    { description: description.set },
  );
  setHandler(chunkReportSignal, (report: unknown) => steered.run?.receiveReport(report));
}

/** Waits for the run to be there, and fails if it is not to be steered. */
async function begun(steered: Steered): Promise<BatchRun> {
  if (steered.run === undefined) await condition(() => steered.run !== undefined || steered.ended !== undefined);
  refuseEnded(steered);
  if (steered.run === undefined) throw new Error('a run that has not ended has begun');
  return steered.run;
}

/** Applies an order that came as a signal. Nobody receives a refusal: it becomes a note of the run. */
async function unlessRefused(steered: Steered, name: string, apply: () => Promise<unknown>): Promise<void> {
  try {
    await apply();
  } catch (error) {
    if (!(error instanceof ApplicationFailure)) throw error;
    log.warn(`the signal ${name} was refused`, { error });
    const run = await begun(steered).catch(() => undefined);
    run?.note(`the signal ${name} was refused: ${error.message}`);
  }
}

async function changeRun(run: BatchRun, change: RunChange): Promise<void> {
  const listing = run.listing(change);
  refuseUnpriced(change, listing);
  if (!needsModels(change, listing)) return run.change(change, []);
  const { models, away } = await listModels(endpointSteps, listing).catch((error: unknown) => {
    throw ApplicationFailure.nonRetryable(`the models cannot be listed: ${String(error)}`, 'InvalidChange');
  });
  if (models.length > 0) return run.change(change, models);
  throw ApplicationFailure.nonRetryable(`there is no model to ask: ${away.join('; ')}`, 'InvalidChange');
}

/** Refuses a limit in money for a run that nobody has told the prices of. */
function refuseUnpriced({ maxCost }: RunChange, { endpoints }: Listing): void {
  if (maxCost === undefined || maxCost === null || endpoints !== undefined) return;
  const message = 'maxCost: the run has no prices: it was started without endpoints';
  throw ApplicationFailure.nonRetryable(message, 'InvalidChange');
}

function refuseBadChange(change: unknown): void {
  const problem = changeProblem(change);
  if (problem !== undefined) throw ApplicationFailure.nonRetryable(problem, 'InvalidChange');
}

function refuseEnded({ run, ended }: Steered): void {
  if (ended === undefined && run?.isRunning !== false) return;
  throw ApplicationFailure.nonRetryable('the run has ended or is ending', 'Ended');
}
