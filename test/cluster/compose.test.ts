import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ROOT } from '../support/build.js';

const serviceSchema = z.object({
  image: z.string().optional(),
  build: z.looseObject({ dockerfile: z.string() }).optional(),
  depends_on: z.record(z.string(), z.looseObject({ condition: z.string() })).default({}),
  healthcheck: z.looseObject({}).optional(),
  restart: z.string().optional(),
  ports: z.array(z.looseObject({ host_ip: z.string().optional() })).default([]),
  volumes: z.array(z.looseObject({ type: z.string(), source: z.string() })).default([]),
});
const projectSchema = z.object({
  services: z.record(z.string(), serviceSchema),
  volumes: z.record(z.string(), z.unknown()),
});

/** `docker compose config`: the schema, the variables and what services say of each other, without a daemon. */
let compose: string;
beforeAll(() => {
  const installer = join(ROOT, 'scripts/install-compose.mjs');
  compose = execFileSync(process.execPath, [installer], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  }).trim();
});

function config(env: Readonly<Record<string, string>>, ...args: string[]) {
  const PATH = process.env.PATH ?? '';
  return spawnSync(compose, ['config', ...args], { cwd: ROOT, env: { PATH, ...env }, encoding: 'utf8' });
}

describe('docker-compose.yml', () => {
  it('is valid for Docker Compose, which warns of nothing', () => {
    const { status, stderr } = config({ DRIA_API_KEY: 'x' }, '--quiet');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  it('asks for the key', () => {
    const { status, stderr } = config({}, '--quiet');
    expect([status === 0, stderr]).toEqual([false, expect.stringContaining('DRIA_API_KEY')]);
  });

  it('waits only for what can come, keeps what it writes, mounts what is there, and opens no port to others', () => {
    const { stdout } = config({ DRIA_API_KEY: 'x' }, '--format', 'json');
    const { services, volumes } = projectSchema.parse(JSON.parse(stdout));
    for (const [name, service] of Object.entries(services)) {
      for (const [other, { condition }] of Object.entries(service.depends_on)) {
        if (condition === 'service_healthy') expect(services[other]?.healthcheck, `${name} on ${other}`).toBeDefined();
        if (condition === 'service_completed_successfully')
          expect(services[other]?.restart ?? 'no', other).not.toMatch(/^(always|unless)/);
      }
      for (const { type, source } of service.volumes) {
        expect(type === 'bind' ? existsSync(source) : Object.keys(volumes).includes(source), `${name}: ${source}`).toBe(
          true,
        );
      }
      for (const { host_ip } of service.ports) expect(host_ip, name).toBe('127.0.0.1');
      // The newest of yesterday is not that of tomorrow.
      if (service.image !== undefined) expect(service.image).toMatch(/:v?\d+(\.\d+)*$/);
      if (service.build !== undefined) expect(existsSync(join(ROOT, service.build.dockerfile))).toBe(true);
    }
    expect(Object.keys(services).sort()).toEqual([
      'postgresql',
      's3',
      's3-bucket',
      'temporal',
      'temporal-namespace',
      'temporal-schema',
      'temporal-ui',
      'worker',
    ]);
  });
});
