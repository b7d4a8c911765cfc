import { trace } from '@opentelemetry/api';
import type { Tracing } from '../activities/tracing.js';
import { ActivitySpans } from './activity-spans.js';
import { packageVersion, SERVICE_NAME } from './service.js';

/**
 * Spans of packs and requests, made by the tracer provider that this process has registered with OpenTelemetry: for
 * `new DriaBatchPlugin({ tracing: globalTracing() })` in a worker of your own. A pack is below the span that is active
 * when its activity begins, else below the one in its headers.
 */
export function globalTracing(): Tracing {
  return new ActivitySpans(trace.getTracer(SERVICE_NAME, packageVersion()), () => true);
}
