import { ApplicationFailure, setHandler, workflowInfo } from '@temporalio/workflow';
import { changeProblem, needsModels, type RunChange } from '../batch/change.js';
import { pausedByOperator } from '../batch/pausing.js';
import type { Progress } from '../batch/progress.js';
import { NO_PROGRESS } from '../batch/run-view.js';
import { endpointSteps } from './activities.js';
import type { BatchRun } from './batch-run.js';
import { chunkReportSignal, pauseUpdate, progressQuery, resumeUpdate, setUpdate } from './messages.js';

/** Handles the messages of a run, which is there once its input has been read. */
export function handleMessages(run: () => BatchRun | undefined): void {
  const startedAt = workflowInfo().startTime.getTime();
  const progress = (): Progress => run()?.progress() ?? { ...NO_PROGRESS, startedAt };
  const validator = (): void => refuseUnlessUnderWay(run());
  setHandler(progressQuery, progress, { description: 'How the run goes: state, counts, models, failures.' });
  setHandler(
    pauseUpdate,
    () => {
      run()?.pause(pausedByOperator(workflowInfo().workflowId));
      return progress();
    },
    { validator, description: 'Give out no more work. Requests under way are finished and kept.' },
  );
  setHandler(
    resumeUpdate,
    () => {
      run()?.resume();
      return progress();
    },
    { validator, description: 'Go on with a paused run.' },
  );
  setHandler(
    setUpdate,
    async (change) => {
      await changeRun(run(), change);
      return progress();
    },
    {
      validator: (change) => {
        refuseUnlessUnderWay(run());
        const problem = changeProblem(change);
        if (problem !== undefined) throw ApplicationFailure.nonRetryable(problem, 'InvalidChange');
      },
      description:
        'Change a run under way: {"concurrency": 20, "model": "…" or null, "maxTokens": 500, "temperature": 0.2, ' +
        '"retries": 5, "timeoutSecs": 60, "maxTotalTokens": 1000000 or null, "maxCredits": 500 or null}.',
    },
  );
  setHandler(chunkReportSignal, (report) => run()?.hear(report));
}

/** A chosen model need not be in the list; to choose by nodes, the list is needed. */
async function changeRun(run: BatchRun | undefined, change: RunChange): Promise<void> {
  const list = needsModels(change)
    ? await endpointSteps.fetchModels().catch((error: unknown) => {
        if (change.model === null)
          throw ApplicationFailure.nonRetryable(`the models cannot be listed: ${String(error)}`, 'InvalidChange');
        return [];
      })
    : [];
  run?.change(change, list);
}

function refuseUnlessUnderWay(run: BatchRun | undefined): void {
  if (run === undefined) throw ApplicationFailure.nonRetryable('the run is still reading its input', 'NotStarted');
  if (!run.isUnderWay) throw ApplicationFailure.nonRetryable('the run has ended or is ending', 'Ended');
}
