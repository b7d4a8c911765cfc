import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { beforeAll, expect, test } from 'vitest';
import { PackMetrics } from '../../src/activities/metrics.js';
import { METRICS } from '../../src/metric-names.js';
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
async function begin(taskQueue: string, permits: number): Promise<PackMetrics> {
  const metricMeter = Runtime.instance().metricMeter.withTags({ taskQueue });
  const environment = new MockActivityEnvironment({ taskQueue }, { metricMeter });
  return await environment.run(async () => PackMetrics.begin(permits));
}

/** The permits in use of each task queue, as Prometheus finds them. */
async function permitsUsed(): Promise<Record<string, number>> {
  const text = await (await fetch(`http://${address}/metrics`)).text();
  const samples = text.matchAll(new RegExp(`^${METRICS.permits}\\{.*taskQueue="(\\w+)".*\\} (\\S+)$`, 'gm'));
  return Object.fromEntries(Array.from(samples, ([, queue, value]) => [queue, Number(value)]));
}

test('permits in use are counted for each task queue of a worker', async () => {
  const left = await begin('left', 3);
  const right = await begin('right', 2);
  const wide = await begin('left', 10);
  expect(await permitsUsed()).toEqual({ left: 13, right: 2 });
  left.end();
  expect(await permitsUsed()).toEqual({ left: 10, right: 2 });
  wide.end();
  right.end();
  expect(await permitsUsed()).toEqual({ left: 0, right: 0 });
});
