import { DiagLogLevel, diag } from '@opentelemetry/api';
import {
  defaultResource,
  detectResources,
  envDetector,
  type Resource,
  resourceFromAttributes,
} from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor, type SpanExporter } from '@opentelemetry/sdk-trace-base';
import type { Collector } from './collector.js';
import { ExecutionIds } from './execution-ids.js';
import { packageVersion, SERVICE_NAME } from './service.js';
import type { OtlpProtocol, SignalSettings } from './settings.js';

/** What makes spans and sends them, and the ids that it may be told. */
export interface SpanSource {
  readonly provider: BasicTracerProvider;
  readonly ids: ExecutionIds;
}

/** Makes a provider as the environment has it: sampler, limits, batches, headers and resource are read by the libraries. */
export async function openProvider(
  { protocol, endpoint }: SignalSettings,
  collector: Collector,
  warn: (message: string) => void,
): Promise<SpanSource> {
  let isOpen = false;
  // The libraries say here what they could not read. Later it is what they could not send: the collector is told that.
  const say = (message: string): void => (isOpen ? undefined : warn(message));
  const silent = (): void => undefined;
  diag.setLogger(
    { error: say, warn: say, info: silent, debug: silent, verbose: silent },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
  const Exporter = await loadExporter(protocol);
  const exporter = watched(new Exporter(), endpoint, collector);
  const ids = new ExecutionIds();
  const provider = new BasicTracerProvider({
    idGenerator: ids,
    resource: resource(),
    spanProcessors: [new BatchSpanProcessor(exporter)],
  });
  isOpen = true;
  return { provider, ids };
}

function resource(): Resource {
  const ours = resourceFromAttributes({ 'service.name': SERVICE_NAME, 'service.version': packageVersion() });
  return defaultResource()
    .merge(ours)
    .merge(detectResources({ detectors: [envDetector] }));
}

/** The exporter's module is loaded for the protocol that is spoken, and for no other. */
export async function loadExporter(protocol: OtlpProtocol): Promise<new () => SpanExporter> {
  switch (protocol) {
    case 'grpc':
      return (await import('@opentelemetry/exporter-trace-otlp-grpc')).OTLPTraceExporter;
    case 'http/json':
      return (await import('@opentelemetry/exporter-trace-otlp-http')).OTLPTraceExporter;
    case 'http/protobuf':
      return (await import('@opentelemetry/exporter-trace-otlp-proto')).OTLPTraceExporter;
  }
}

/** An exporter whose luck the collector's record hears of. */
function watched(exporter: SpanExporter, { origin }: URL, collector: Collector): SpanExporter {
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        if (result.code === 0) collector.took();
        else collector.trouble(`traces cannot be sent to ${origin} (${reasonOf(result.error)})`);
        done(result);
      }),
    forceFlush: async () => await exporter.forceFlush?.(),
    shutdown: () => exporter.shutdown(),
  };
}

/** Why something was not taken, without what a server said in its body. */
function reasonOf(error: Error | undefined): string {
  if (error === undefined) return 'no reason given';
  const code = 'code' in error && error.code !== undefined ? `${String(error.code)} ` : '';
  return `${code}${error.message}`.split('\n')[0]?.slice(0, 200) ?? error.name;
}
