export type { PackTrace, RequestFacts, RequestFailure, RequestTrace, Tracing } from '../activities/tracing.js';
export { globalTracing } from './global-tracing.js';
