import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { resolveDataDir } from '../../src/embedded/data-dir.js';

describe('the data directory', () => {
  it.each([
    ['the flag, before the variable', '/flag', { DRIA_TEMPORAL_HOME: '/variable' }, '/flag'],
    ['the variable without a flag', undefined, { DRIA_TEMPORAL_HOME: '/variable' }, '/variable'],
    ['made absolute', 'here', {}, resolve('here')],
    ['below the home folder for ~/', '~/here', {}, join(homedir(), 'here')],
  ])('is %s', (_, flag, env, expected) => {
    expect(resolveDataDir(flag, env)).toBe(expected);
  });

  it("is the platform's own place when nothing is said, or said empty", () => {
    const place = resolveDataDir(undefined, {});
    expect(isAbsolute(place)).toBe(true);
    expect(place).toContain('dria-temporal');
    expect(resolveDataDir('', { DRIA_TEMPORAL_HOME: '' })).toBe(place);
  });
});
