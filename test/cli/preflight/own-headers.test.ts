import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { endpointFromFlags } from '../../../src/cli/batch-request.js';
import { openEndpoint } from '../../../src/cli/open-endpoint.js';
import { ownHeaders } from '../../../src/cli/own-headers.js';

test('headers of the environment go with every look-up', async () => {
  const seen: unknown[] = [];
  const server = createServer((request, response) => {
    seen.push([request.headers['api-key'], request.headers.authorization]);
    response.end('{"data":[{"id":"a"}]}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const endpoint = openEndpoint(`http://127.0.0.1:${port}/v1`, { DRIA_HEADERS: 'api-key: of-azure' });
  onTestFinished(() => endpoint.close());
  await endpoint.models();
  expect(seen).toEqual([['of-azure', undefined]]);
});

test('bad headers are refused with exit code 2, and their value is not repeated', () => {
  const bad = () => ownHeaders({ DRIA_HEADERS: 'a-secret-without-a-name' });
  expect(bad).toThrow(expect.objectContaining({ exitCode: 2, message: expect.stringMatching(/^DRIA_HEADERS: /) }));
  expect(bad).toThrow(expect.objectContaining({ message: expect.not.stringContaining('a-secret') }));
});

test.each([
  ['pa55\nw0rd', 'a line end'],
  ['pa55 w0rd', 'a space'],
  ['pa55\u0007w0rd', 'a control character'],
  ['pa55wörd', 'a character that is not ASCII'],
  ['pa55\u200bw0rd', 'a character that is not ASCII'],
])('a key that no header can hold is refused before anything is done, and not repeated: %j', (key, what) => {
  const refused = () => endpointFromFlags('http://127.0.0.1:1/v1', { DRIA_API_KEY: key });
  const message = expect.stringMatching(new RegExp(`^DRIA_API_KEY: the API key has ${what} in it`));
  expect(refused).toThrow(expect.objectContaining({ exitCode: 2, message, hint: expect.stringContaining('again') }));
  expect(refused).not.toThrow(/pa55|w0rd|wörd/);
});

test('a key with space around it, as files have it, is taken', () => {
  expect(endpointFromFlags('http://127.0.0.1:1/v1', { DRIA_API_KEY: ' key-1\n' })).toBe('http://127.0.0.1:1/v1');
});
