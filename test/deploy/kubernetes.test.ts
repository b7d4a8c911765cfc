import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { ROOT } from '../support/build.js';

const FOLDER = join(ROOT, 'deploy/kubernetes');

const labelsSchema = z.record(z.string(), z.string());
const metadataSchema = z.strictObject({ name: z.string(), labels: labelsSchema.optional() });
const selectorSchema = z.strictObject({ matchLabels: labelsSchema });
const variableSchema = z.strictObject({ name: z.string(), value: z.string() });
const probeSchema = z.strictObject({
  httpGet: z.strictObject({ path: z.enum(['/healthz', '/readyz']), port: z.string() }),
  periodSeconds: z.int(),
  failureThreshold: z.int().optional(),
});
const deploymentSchema = z.strictObject({
  apiVersion: z.literal('apps/v1'),
  kind: z.literal('Deployment'),
  metadata: metadataSchema,
  spec: z.strictObject({
    selector: selectorSchema,
    strategy: z.strictObject({
      rollingUpdate: z.strictObject({ maxSurge: z.int(), maxUnavailable: z.int() }),
    }),
    template: z.strictObject({
      metadata: z.strictObject({ labels: labelsSchema }),
      spec: z.strictObject({
        terminationGracePeriodSeconds: z.int(),
        automountServiceAccountToken: z.literal(false),
        securityContext: z.looseObject({ runAsNonRoot: z.literal(true) }),
        containers: z.tuple([
          z.strictObject({
            name: z.string(),
            image: z.string().regex(/:\d+\.\d+\.\d+$/),
            args: z.array(z.string()),
            envFrom: z.tuple([z.strictObject({ secretRef: z.strictObject({ name: z.string() }) })]),
            env: z.array(variableSchema),
            ports: z.array(z.strictObject({ name: z.string(), containerPort: z.int() })),
            livenessProbe: probeSchema,
            readinessProbe: probeSchema,
            resources: z.looseObject({}),
            securityContext: z.looseObject({}),
            volumeMounts: z.array(z.strictObject({ name: z.string(), mountPath: z.string() })),
          }),
        ]),
        volumes: z.array(z.looseObject({ name: z.string() })),
      }),
    }),
  }),
});
const secretSchema = z.strictObject({
  apiVersion: z.literal('v1'),
  kind: z.literal('Secret'),
  metadata: metadataSchema,
  type: z.literal('Opaque'),
  stringData: z.record(z.string(), z.literal('replace-me')),
});
const scaledObjectSchema = z.strictObject({
  apiVersion: z.literal('keda.sh/v1alpha1'),
  kind: z.literal('ScaledObject'),
  metadata: metadataSchema,
  spec: z.looseObject({
    scaleTargetRef: z.strictObject({ name: z.string() }),
    triggers: z.tuple([z.strictObject({ type: z.literal('temporal'), metadata: z.record(z.string(), z.string()) })]),
  }),
});
const serviceSchema = z.strictObject({
  apiVersion: z.literal('v1'),
  kind: z.literal('Service'),
  metadata: metadataSchema,
  spec: z.strictObject({
    clusterIP: z.literal('None'),
    selector: labelsSchema,
    ports: z.tuple([z.strictObject({ name: z.string(), port: z.int(), targetPort: z.string() })]),
  }),
});
const monitorSchema = z.strictObject({
  apiVersion: z.literal('monitoring.coreos.com/v1'),
  kind: z.literal('ServiceMonitor'),
  metadata: metadataSchema,
  spec: z.strictObject({
    selector: selectorSchema,
    endpoints: z.tuple([z.strictObject({ port: z.string(), interval: z.string() })]),
  }),
});

function documentsOf(file: string): unknown[] {
  const documents = parseAllDocuments(readFileSync(join(FOLDER, file), 'utf8'));
  return [...documents].map((document) => {
    expect([document.errors, document.warnings], file).toEqual([[], []]);
    return document.toJS();
  });
}

const deployment = deploymentSchema.parse(documentsOf('worker.yaml')[0]);
const { spec: pod } = deployment.spec.template;
const [container] = pod.containers;
const env = new Map(container.env.map(({ name, value }) => [name, value]));

describe('deploy/kubernetes', () => {
  it('lists every file in its kustomization', () => {
    const [listed] = documentsOf('kustomization.yaml').map((one) =>
      z.looseObject({ resources: z.array(z.string()) }).parse(one),
    );
    const files = readdirSync(FOLDER).filter((file) => file.endsWith('.yaml') && file !== 'kustomization.yaml');
    expect(listed?.resources.toSorted()).toEqual(files.toSorted());
  });

  it('gives a worker more time to end than its requests in flight have', () => {
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(Number(env.get('DRIA_TEMPORAL_SHUTDOWN_GRACE')));
  });

  it('sets only variables that the worker reads, and no key in a manifest of the Deployment', () => {
    const sources = ['commands/worker.ts', 'temporal-flags.ts', 'temporal-settings.ts', 'places.ts'].map((file) =>
      readFileSync(join(ROOT, 'src/cli', file), 'utf8'),
    );
    for (const name of env.keys()) {
      if (name.startsWith('TEMPORAL_')) continue;
      expect(sources.join('\n'), name).toContain(name.replace(/^DRIA_TEMPORAL_(?=SHUTDOWN|HEALTH|METRICS)/, ''));
    }
    expect([...env.keys()].filter((name) => /KEY|SECRET|TOKEN/.test(name))).toEqual([]);
  });

  it('probes and scrapes the ports that the worker listens on', () => {
    const ports = new Map(container.ports.map(({ name, containerPort }) => [name, containerPort]));
    expect(env.get('DRIA_TEMPORAL_HEALTH_ADDRESS')).toBe(`0.0.0.0:${ports.get('health')}`);
    expect(env.get('DRIA_TEMPORAL_METRICS_ADDRESS')).toBe(`0.0.0.0:${ports.get('metrics')}`);
    for (const { httpGet } of [container.livenessProbe, container.readinessProbe]) expect(httpGet.port).toBe('health');
    const [service, monitor] = documentsOf('monitoring.yaml');
    const { spec } = serviceSchema.parse(service);
    expect(spec.selector).toEqual(deployment.spec.template.metadata.labels);
    expect(spec.ports[0].targetPort).toBe('metrics');
    expect(monitorSchema.parse(monitor).spec.endpoints[0].port).toBe(spec.ports[0].name);
    expect(monitorSchema.parse(monitor).spec.selector.matchLabels).toEqual(
      serviceSchema.parse(service).metadata.labels,
    );
  });

  it('selects its own pods, scales its own Deployment by its own task queue, and has a Secret of the right name', () => {
    expect(deployment.spec.selector.matchLabels).toEqual(deployment.spec.template.metadata.labels);
    const { spec } = scaledObjectSchema.parse(documentsOf('autoscaling.yaml')[0]);
    expect(spec.scaleTargetRef.name).toBe(deployment.metadata.name);
    expect(spec.triggers[0].metadata).toMatchObject({
      endpoint: env.get('TEMPORAL_ADDRESS'),
      namespace: env.get('TEMPORAL_NAMESPACE'),
      taskQueue: env.get('DRIA_TEMPORAL_TASK_QUEUE'),
    });
    expect(secretSchema.parse(documentsOf('secret.yaml')[0]).metadata.name).toBe(container.envFrom[0].secretRef.name);
    for (const { name } of container.volumeMounts) expect(pod.volumes.map((volume) => volume.name)).toContain(name);
  });
});
