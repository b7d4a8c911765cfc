import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { ROOT } from '../../support/build.js';

const loadedSchema = z.object({ opened: z.boolean(), before: z.array(z.string()), after: z.array(z.string()) });

/** Loads all that a worker's process loads, asks for telemetry, and tells which modules of OpenTelemetry that took. */
const SCRIPT = `
  import { createRequire } from 'node:module';
  const { cache } = createRequire(import.meta.url);
  const loaded = () => Object.keys(cache).filter((path) => path.includes('@opentelemetry'));
  for (const name of ['cli/program', 'cli/run-batch', 'cli/local-worker', 'index', 'client', 'worker']) {
    await import(\`./dist/\${name}.js\`);
  }
  const { telemetryAsked } = await import('./dist/telemetry/asked.js');
  const before = loaded();
  const telemetry = await telemetryAsked(process.env, { warn: () => undefined, lasting: false });
  console.log(JSON.stringify({ opened: telemetry !== undefined, before, after: loaded() }));
  process.exit();
`;

function load(env: Record<string, string>): z.infer<typeof loadedSchema> {
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', SCRIPT], {
    cwd: ROOT,
    encoding: 'utf8',
    env: { PATH: process.env.PATH, ...env },
  });
  expect(stderr).toBe('');
  return loadedSchema.parse(JSON.parse(stdout));
}

test('nothing of OpenTelemetry is loaded until the variables ask for it', () => {
  expect(load({ OTEL_SERVICE_NAME: 'named only' })).toEqual({ opened: false, before: [], after: [] });
  expect(load({ OTEL_SDK_DISABLED: 'true', OTEL_TRACES_EXPORTER: 'otlp' }).after).toEqual([]);
});

test('one exporter is loaded, the one that is spoken', () => {
  const { opened, before, after } = load({
    OTEL_TRACES_EXPORTER: 'otlp',
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
  });
  expect(opened).toBe(true);
  expect(before).toEqual([]);
  expect(after.some((path) => path.includes('exporter-trace-otlp-proto'))).toBe(true);
  expect(after.some((path) => /otlp-grpc|exporter-trace-otlp-http/.test(path))).toBe(false);
});
