import { InvalidArgumentError } from 'commander';
import { describe, expect, test } from 'vitest';
import { hostAndPort, numericAddress, parseListenAddress } from '../../src/cli/listen-address.js';

describe('an address to listen on', () => {
  test.each([
    ['127.0.0.1:9464', '127.0.0.1', '127.0.0.1:9464'],
    ['metrics.internal:9464', 'metrics.internal', 'metrics.internal:9464'],
    [':9464', '0.0.0.0', '0.0.0.0:9464'],
    ['[::]:9464', '::', '[::]:9464'],
    ['[::1]:0', '::1', '[::1]:0'],
  ])('%s is read, and written as it was', (text, host, written) => {
    const address = parseListenAddress(text);
    expect(address.host).toBe(host);
    expect(hostAndPort(address)).toBe(written);
  });

  test.each(['here', '9464', '::1:9464', '[::1]', '127.0.0.1:65536', 'a:b'])('%s is none', (text) => {
    expect(() => parseListenAddress(text)).toThrow(InvalidArgumentError);
  });

  test.each(['127.0.0.1:9464', '[::]:9464', '[::1]:9464'])('%s has no name to look up', async (text) => {
    expect(await numericAddress(parseListenAddress(text))).toBe(text);
  });

  test('a name is looked up', async () => {
    expect(await numericAddress({ host: 'localhost', port: 9464 })).toMatch(/^(127\.0\.0\.1|\[::1\]):9464$/);
    await expect(numericAddress({ host: 'nowhere.invalid', port: 9464 })).rejects.toMatchObject({
      hostname: 'nowhere.invalid',
    });
  });
});
