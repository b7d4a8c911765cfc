import { tmpdir } from 'node:os';
import type { WorkerOptions } from '@temporalio/worker';
import { describe, expect, it } from 'vitest';
import { DriaBatchPlugin } from '../src/plugin.js';

const OPTIONS = { baseUrl: 'http://127.0.0.1:9/v1', apiKey: 'test-key', storage: tmpdir(), maxRequests: 40 };

/** Configures a worker as `Worker.create` does: one plugin after the other. */
function configured(options: Partial<WorkerOptions>): WorkerOptions {
  let result: WorkerOptions = { taskQueue: 'own', ...options };
  for (const plugin of result.plugins ?? []) {
    const next = plugin.configureWorker?.(result) ?? result;
    if (next instanceof Promise) throw new Error('a plugin that must be waited for');
    result = next;
  }
  return result;
}

describe('what the plugin does to the options of a worker', () => {
  it("leaves the worker's own activities as they are", () => {
    const fetchModels = () => 'mine';
    const { activities } = configured({ activities: { fetchModels }, plugins: [new DriaBatchPlugin(OPTIONS)] });
    expect(activities).toMatchObject({ fetchModels, 'dria.fetchModels': expect.any(Function) });
    expect(Object.keys(activities ?? {}).every((name) => name === 'fetchModels' || name.startsWith('dria.'))).toBe(
      true,
    );
  });

  it('refuses an activity whose name is one of its own', () => {
    const activities = { 'dria.fetchModels': () => 'mine' };
    expect(() => configured({ activities, plugins: [new DriaBatchPlugin(OPTIONS)] })).toThrow(
      'the worker has an activity "dria.fetchModels": names that begin with dria. are those of dria-temporal; rename it',
    );
  });

  it('refuses a second plugin', () => {
    const plugins = [new DriaBatchPlugin(OPTIONS), new DriaBatchPlugin(OPTIONS)];
    expect(() => configured({ plugins })).toThrow(/^the worker has two DriaBatchPlugins: give it one\. /);
  });

  it('takes it for one if it is given twice, to the worker and by its connection', () => {
    const plugin = new DriaBatchPlugin(OPTIONS);
    const { activities } = configured({ plugins: [plugin, plugin] });
    expect(activities).toHaveProperty(['dria.infer']);
  });

  it.each([
    ['nothing', {}, { shutdownGraceTime: 30_000, maxConcurrentActivityTaskExecutions: 140 }],
    ['a grace', { shutdownGraceTime: '5s' }, { shutdownGraceTime: '5s', maxConcurrentActivityTaskExecutions: 140 }],
    ['no grace', { shutdownGraceTime: 0 }, { shutdownGraceTime: 0 }],
    ['slots', { maxConcurrentActivityTaskExecutions: 7 }, { maxConcurrentActivityTaskExecutions: 7 }],
    ['a tuner', { tuner: { tunerOptions: {} } }, { maxConcurrentActivityTaskExecutions: undefined }],
  ] as const)('sets the grace and the slots if the worker has none: given %s', (_what, given, expected) => {
    const options = configured({ ...(given as Partial<WorkerOptions>), plugins: [new DriaBatchPlugin(OPTIONS)] });
    for (const [name, value] of Object.entries(expected)) expect(Reflect.get(options, name), name).toEqual(value);
  });
});
