import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readEndpointsFile } from '../../../src/cli/endpoints-file.js';

const folder = mkdtempSync(join(tmpdir(), 'dria-temporal-endpoints-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const KEY = 'sk-nobody-may-see-this';
const ENV = { A_KEY: KEY, A_HEADERS: 'x-team: blue', EMPTY: '' };

function read(toml: string, needsKeys = true) {
  const path = join(folder, 'endpoints.toml');
  writeFileSync(path, toml);
  return readEndpointsFile(path, ENV, new AbortController().signal, { needsKeys });
}

const URL_A = 'base_url = "http://a.test/v1"';

describe('the file of endpoints', () => {
  it('gives runs names and rules, and the worker addresses and keys', async () => {
    const file = await read(`
      [a]
      ${URL_A}
      api_key_env = "A_KEY"
      headers_env = "A_HEADERS"
      models = ["org/big"]
      weight = 4
      max_in_flight = 64
      body = { service_tier = "flex" }
      omit = ["temperature"]
      rename = { max_tokens = "max_output" }
      [b]
      base_url = "http://b.test/v1/"
      order = 2
      rpm = 100
      tpm = 5000
      input_price = 0.125
      output_price = 1
      [b.prices."org/small"]
      input_price = 0.01
      output_price = 0.02
      cached_price = 0
    `);
    expect(file.rules).toEqual([
      { name: 'a', weight: 4, maxInFlight: 64 },
      {
        ...{ name: 'b', order: 2, rpm: 100, tpm: 5000, price: { input: 0.125, output: 1 } },
        prices: { 'org/small': { input: 0.01, output: 0.02, cached: 0 } },
      },
    ]);
    expect(file.worker).toEqual([
      {
        ...{ name: 'a', baseUrl: 'http://a.test/v1', apiKey: KEY, headers: { 'x-team': 'blue' }, models: ['org/big'] },
        ...{ body: { service_tier: 'flex' }, omit: ['temperature'], rename: { max_tokens: 'max_output' } },
      },
      { name: 'b', baseUrl: 'http://b.test/v1' },
    ]);
    expect(JSON.stringify([file.rules, file.text])).not.toMatch(/sk-|blue/);
  });

  it('needs no keys where none is sent from', async () => {
    const { worker } = await read(`[a]\n${URL_A}\napi_key_env = "NOT_SET"`, false);
    expect(worker).toEqual([{ name: 'a', baseUrl: 'http://a.test/v1' }]);
  });

  it.each([
    ['', /it has no tables/],
    [URL_A, /base_url stands outside of a table/],
    [`[a]\n${URL_A}\napi_key = "${KEY}"`, /\[a\]\.api_key: keys do not stand in this file: give api_key_env/],
    [`[a]\n${URL_A}\nbearer_token = "${KEY}"`, /\[a\]\.bearer_token: keys do not stand in this file/],
    [`[a]\n${URL_A}\napi_key_env = "${KEY}"`, /\[a\]\.api_key_env: .*and not the key itself/],
    [`[a]\n${URL_A}\napi_key_env = "NOT_SET"`, /\[a\]\.api_key_env: the environment variable NOT_SET is not set/],
    [`[a]\n${URL_A}\napi_key_env = "EMPTY"`, /EMPTY is not set/],
    [`[a]\n${URL_A}\n[b]\nbase_url = "http://a.test/v1/"`, /\[b\]\.base_url: \[a\] has the same/],
    [`[a]\napi_key_env = "A_KEY"`, /\[a\]\.base_url: /],
    [`[a]\nbase_url = "http://me:${KEY}@a.test/v1"`, /\[a\]\.base_url: /],
    [`["a/b"]\n${URL_A}`, /\[a\/b\]: a name has letters/],
    [`[a]\n${URL_A}\nweigth = 3`, /\[a\]: .*weigth/],
    [`[a]\n${URL_A}\nweight = 0`, /\[a\]\.weight: /],
    [`[a]\n${URL_A}\ninput_price = 1`, /\[a\]: a price has input_price and output_price/],
    [`[a]\n${URL_A}\nbody = { stream = true }`, /\[a\]\.body: stream/],
    [`[a]\n${URL_A}\napi_key = ${KEY}`, /it is not TOML: line 3/],
  ])('%j is refused with the place and the way out, and without a key', async (toml, message) => {
    const refusal = await read(toml).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ exitCode: 2, message: expect.stringMatching(message) });
    expect(String(refusal)).toContain(join(folder, 'endpoints.toml'));
    expect(JSON.stringify(refusal) + String(refusal)).not.toContain(KEY);
  });
});
