import type { DriaErrorCode } from './errors.js';

/** Statuses by which a front says that what is behind it is away, or a network that it wants something first. */
export const AWAY_STATUSES: ReadonlySet<number> = new Set([407, 511, 521, 522, 523, 525, 526, 530]);

/** Names of errors that stand for a status, in bodies that have no number. */
const STATUS_BY_NAME: readonly (readonly [RegExp, number])[] = [
  [/^(resource_exhausted|rate_?limit.*|too_many_requests|throttling.*)$/, 429],
  [/^insufficient_.*(quota|balance|credits?|funds)$/, 402],
  [/^(overloaded.*|server_overloaded)$/, 529],
  [/^unavailable$|^service_unavailable.*/, 503],
  [/^(deadline_exceeded|timeout.*)$/, 504],
  [/^(unauthenticated|authentication_error|invalid_api_key)$/, 401],
  [/^(permission_denied|permission_error)$/, 403],
  [/^(context_length_exceeded|content_filter|invalid_argument|invalid_request_error|badrequesterror)$/, 400],
  [/^(model_not_found|not_found_error|notfounderror)$/, 404],
  [/^(internal|internal_?(server_)?error|server_error|internalservererror)$/, 500],
];

/** The status that the name of an error stands for. */
export function statusByName(codes: ReadonlySet<string>): number | undefined {
  return STATUS_BY_NAME.find(([name]) => [...codes].some((code) => name.test(code)))?.[1];
}

/** 4xx that pass by themselves. */
const PASSING: ReadonlySet<number> = new Set([409, 423, 424, 425, 444, 498, 499]);

/** The code that a status stands for if nothing else is known. */
export function codeOfStatus(status: number): DriaErrorCode {
  if (status === 429) return 'RateLimited';
  if (status === 503) return 'NoNodesAvailable';
  if (status === 408 || status === 504 || status === 524) return 'NodeTimeout';
  if (status >= 500 || PASSING.has(status)) return 'ServerError';
  return status >= 400 ? 'InvalidRequest' : 'BadResponse';
}
