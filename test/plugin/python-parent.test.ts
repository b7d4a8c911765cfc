import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { expect, inject, it, onTestFinished } from 'vitest';
import type { BatchInput } from '../../src/batch/run.js';
import { prompts, World } from '../support/batch-world.js';
import { ROOT } from '../support/build.js';
import { pythonWithTemporal } from '../support/python.js';

const PARENT = join(ROOT, 'examples/python-parent/parent.py');

const python = pythonWithTemporal('the test of a parent in Python');

it.skipIf(python === undefined)(
  'a parent in Python gets the result of its batch, and reads why another one failed',
  async () => {
    const world = await World.open();
    const taskQueue = `${world.taskQueue}-python`;
    const child = spawn(python ?? '', [PARENT], {
      env: {
        PATH: process.env.PATH,
        TEMPORAL_ADDRESS: inject('temporalAddress'),
        TASK_QUEUE: taskQueue,
        BATCH_TASK_QUEUE: world.taskQueue,
      },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    const classify = async (name: string, input: BatchInput) =>
      await world.client.workflow.execute<(batch: BatchInput) => Promise<object>>('classifyInPython', {
        workflowId: `${name}-${world.taskQueue}`,
        taskQueue,
        args: [input],
      });
    expect(await classify('good', { input: world.input(prompts(5)) })).toMatchObject({ outcome: 'all', ok: 5 });
    expect(await classify('bad', { input: '/nowhere.jsonl' })).toEqual({
      refused: expect.stringContaining('no such file'),
      type: 'InvalidInput',
    });
  },
);
