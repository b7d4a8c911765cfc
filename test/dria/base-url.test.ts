import { describe, expect, it } from 'vitest';
import { isDrias, lacksVersion, normalBaseUrl } from '../../src/dria/base-url.js';
import { Endpoint } from '../../src/dria/endpoint.js';

describe('a base URL', () => {
  it.each([
    ['https://API.Example.com/v1', 'https://api.example.com/v1'],
    ['HTTPS://a.example/v1', 'https://a.example/v1'],
    ['https://a.example:443/v1/', 'https://a.example/v1'],
    ['http://a.example:80', 'http://a.example'],
    ['http://a.example:8080/v1//', 'http://a.example:8080/v1'],
    ['https://a.example/x/../V1', 'https://a.example/V1'],
    ['https://bücher.example/v1', 'https://xn--bcher-kva.example/v1'],
    [' https://a.example/v1?#\n', 'https://a.example/v1'],
    ['https://a.example/v1/chat/completions', 'https://a.example/v1'],
    ['https://a.example/v1/chat/completions/', 'https://a.example/v1'],
    ['https://a.example/chat/completions', 'https://a.example'],
    ['https://a.example/v1/completions', 'https://a.example/v1'],
    ['https://a.example/v1/models', 'https://a.example/v1'],
    ['https://a.example/v1beta/openai/', 'https://a.example/v1beta/openai'],
    ['https://a.example/models', 'https://a.example/models'],
  ])('%j is %s, for an endpoint too', async (text, normal) => {
    expect(normalBaseUrl(text)).toBe(normal);
    expect(normalBaseUrl(normal)).toBe(normal);
    const endpoint = Endpoint.open({ baseUrl: text });
    expect(endpoint.baseUrl).toBe(normal);
    await endpoint.close();
  });

  it.each([
    ['', 'not an http(s) URL'],
    ['pa55.example/v1', 'not an http(s) URL'],
    ['u:pa55@a.example/v1', 'not an http(s) URL'],
    ['ftp://a.example/pa55', 'not an http(s) URL'],
    ['http://', 'not an http(s) URL'],
    ['http://u:pa55@a.example/v1', 'user name or password'],
    ['http://pa55@a.example/v1', 'user name or password'],
    ['http://:pa55@a.example/v1', 'user name or password'],
    ['http://a.example/v1?k=pa55', 'query or a fragment'],
    ['http://a.example/v1#pa55', 'query or a fragment'],
  ])('%j is refused without being repeated, by an endpoint too', (text, why) => {
    for (const refusing of [() => normalBaseUrl(text), () => Endpoint.open({ baseUrl: text })]) {
      expect(refusing).toThrow(
        expect.objectContaining({ code: 'InvalidRequest', message: expect.stringContaining(why) }),
      );
      expect(refusing).not.toThrow('pa55');
    }
  });
});

it('of Dria is one of its own hosts, whose name no other ends in', () => {
  const urls = [
    'https://inference.dria.co/v1',
    'https://dria.co/v1',
    'https://notdria.co/v1',
    'https://dria.co.example/v1',
  ];
  expect(urls.map(isDrias)).toEqual([true, true, false, false]);
});

it('may lack a version', () => {
  const urls = ['http://a.example', 'http://a.example/api', 'http://a.example/v1', 'http://a.example/v1beta/openai'];
  expect(urls.map(lacksVersion)).toEqual([true, true, false, false]);
});
