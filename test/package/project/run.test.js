const { run } = require('./out/run.js');

test('runs batches in a CommonJS project', async () => {
  const { ADDRESS: address, TASK_QUEUE: taskQueue, INPUT: input } = process.env;
  const workflowsPath = require.resolve('./out/workflows.js');
  expect(await run({ address, taskQueue, workflowsPath, input })).toEqual([3, 3]);
}, 60_000);
