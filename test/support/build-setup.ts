import { buildIfStale } from './build.js';

/** Builds what is tested, once and before any test file begins. */
export function setup(): void {
  buildIfStale();
}
