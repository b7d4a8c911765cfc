export type { Tracing } from '../activities/tracing.js';
export { globalTracing } from './global-tracing.js';
