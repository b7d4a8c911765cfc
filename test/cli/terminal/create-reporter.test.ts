import { expect, test } from 'vitest';
import { chooseMode } from '../../../src/cli/terminal/create-reporter.js';

test.each([
  { json: true, isTTY: true, env: {}, mode: 'json' },
  { json: true, isTTY: false, env: { CI: '1' }, mode: 'json' },
  { json: false, isTTY: true, env: { TERM: 'xterm-256color' }, mode: 'live' },
  { json: false, isTTY: false, env: {}, mode: 'plain' },
  { json: false, isTTY: undefined, env: {}, mode: 'plain' },
  { json: false, isTTY: true, env: { TERM: 'dumb' }, mode: 'plain' },
  { json: false, isTTY: true, env: { CI: 'true' }, mode: 'plain' },
  { json: false, isTTY: true, env: { CI: 'false' }, mode: 'live' },
  { json: false, isTTY: true, env: { CI: '' }, mode: 'live' },
])('--json $json, terminal $isTTY, $env: $mode', ({ mode, ...choice }) => {
  expect(chooseMode(choice)).toBe(mode);
});
