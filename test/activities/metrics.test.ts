import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { beforeAll, expect, test } from 'vitest';
import { METRICS, PackMetrics } from '../../src/activities/metrics.js';
import { freePort } from '../support/free-ports.js';

let address: string;
beforeAll(async () => {
  address = `127.0.0.1:${await freePort()}`;
  Runtime.install({
    logger: new DefaultLogger('ERROR', () => undefined),
    shutdownSignals: [],
    telemetryOptions: { metrics: { prometheus: { bindAddress: address } } },
  });
});

/** Begins a pack in an activity of the task queue, as the SDK tags its metrics. */
async function begin(taskQueue: string, lanes: number): Promise<PackMetrics> {
  const metricMeter = Runtime.instance().metricMeter.withTags({ taskQueue });
  const environment = new MockActivityEnvironment({ taskQueue }, { metricMeter });
  return await environment.run(async () => PackMetrics.begin(lanes));
}

/** The lanes in use of each task queue, as Prometheus finds them. */
async function lanesUsed(): Promise<Record<string, number>> {
  const text = await (await fetch(`http://${address}/metrics`)).text();
  const samples = text.matchAll(new RegExp(`^${METRICS.lanes}\\{.*taskQueue="(\\w+)".*\\} (\\S+)$`, 'gm'));
  return Object.fromEntries(Array.from(samples, ([, queue, value]) => [queue, Number(value)]));
}

test('lanes in use are counted for each task queue of a worker', async () => {
  const left = await begin('left', 3);
  const right = await begin('right', 2);
  const wide = await begin('left', 10);
  expect(await lanesUsed()).toEqual({ left: 13, right: 2 });
  left.end();
  expect(await lanesUsed()).toEqual({ left: 10, right: 2 });
  wide.end();
  right.end();
  expect(await lanesUsed()).toEqual({ left: 0, right: 0 });
});
