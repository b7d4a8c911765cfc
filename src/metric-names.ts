/** Metrics of what a worker asks, beside the SDK's own. Names as Prometheus has them get `_total` and `_seconds`. */
export const METRICS = {
  requests: 'dria_temporal_requests',
  latency: 'dria_temporal_request_latency',
  tokens: 'dria_temporal_tokens',
  cachedTokens: 'dria_temporal_cached_tokens',
  permits: 'dria_temporal_permits_used',
} as const;

/** Seconds between the bounds of an answer's time in metrics: a small model's to a patient's time-out. */
export const LATENCY_BOUNDS = [0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 40, 80, 160, 320];
