import { describe, expect, it } from 'vitest';
import { describeError } from '../../src/dria/errors.js';
import { errorInBody, responseError } from '../../src/dria/response-error.js';

const answer = (status: number, text: string, headers: Record<string, string> = {}) => ({ status, headers, text });

describe('a status', () => {
  it.each<[number, string, string, string]>([
    [503, 'no nodes available for model m', 'NoNodesAvailable', '503: no nodes available for model m'],
    [503, '', 'NoNodesAvailable', '503: no nodes available'],
    [429, '', 'RateLimited', '429: rate limited'],
    [408, '', 'NodeTimeout', '408: request timeout'],
    [504, '', 'NodeTimeout', '504: the node timed out'],
    [500, 'panic', 'ServerError', '500: panic'],
    [502, '<html><head><title>502 Bad Gateway</title></head></html>', 'ServerError', '502: 502 Bad Gateway'],
    [500, '<!doctype html><p>oops', 'ServerError', '500: internal server error'],
    [529, '', 'ServerError', '529: no message'],
    [400, '{"error":{"message":"bad max_tokens"}}', 'InvalidRequest', '400: bad max_tokens'],
    [404, '{"error":"no such model"}', 'InvalidRequest', '404: no such model'],
    [413, '{"detail":"too large"}', 'InvalidRequest', '413: too large'],
    [422, '{"unknown":1}', 'InvalidRequest', '422: {"unknown":1}'],
    [418, '', 'InvalidRequest', "418: i'm a teapot"],
    [401, '', 'Unauthorized', '401: the API key was refused'],
    [403, 'banned', 'Unauthorized', '403: banned'],
    [402, '', 'PaymentRequired', '402: out of credits'],
  ])('%i %s is %s', (status, text, code, described) => {
    const error = responseError(answer(status, text), {});
    expect([error.code, error.status, describeError(error)]).toEqual([code, status, described]);
  });

  it('of a redirect says where to', () => {
    const error = responseError(answer(301, '', { location: 'https://other.example/v1' }), {});
    expect(describeError(error)).toBe(
      '301: the endpoint redirects to https://other.example/v1: set the base URL to where it is',
    );
  });

  it('keeps the wait that came with it', () => {
    expect(responseError(answer(429, '', { 'retry-after': '2' }), {}).retryAfterMs).toBe(2000);
    expect(responseError(answer(503, '', { 'retry-after': '9999' }), {}).retryAfterMs).toBe(60_000);
    expect('retryAfterMs' in responseError(answer(429, ''), {})).toBe(false);
  });
});

describe('a 400 for an item with an attachment', () => {
  it.each([
    ['model lfm2:24b-a2b does not support vision', 'ModalityRefused'],
    ['Invalid content type. image_url is only supported by certain models.', 'ModalityRefused'],
    ['unsupported modality: audio', 'ModalityRefused'],
    ['this is not a multimodal model', 'ModalityRefused'],
    ['audio input rejected', 'ModalityRefused'],
    ['could not decode image', 'InvalidRequest'],
    ['invalid image: truncated file', 'InvalidRequest'],
    ['image too large', 'InvalidRequest'],
    ['image data is not an image', 'InvalidRequest'],
    ['image_url must be an http(s) URL', 'InvalidRequest'],
    ['qwen3:8b is not a vision model', 'ModalityRefused'],
    ['unsupported image format', 'InvalidRequest'],
    ['max_tokens exceeds the context', 'InvalidRequest'],
  ])('%s is %s', (text, code) => {
    expect(responseError(answer(400, text), { attached: true }).code).toBe(code);
    expect(responseError(answer(400, text), {}).code).toBe('InvalidRequest');
  });
});

describe('an error inside a 200', () => {
  it.each<[unknown, string, string]>([
    [{ error: { message: 'overloaded', code: 503 } }, 'NoNodesAvailable', '503: overloaded'],
    [{ error: { message: 'slow down', code: '429' } }, 'RateLimited', '429: slow down'],
    [{ error: 'no credits', status: 402 }, 'PaymentRequired', '402: no credits'],
    [{ error: { message: 'x', code: 'model_error' } }, 'BadResponse', 'bad response: the answer is an error: x'],
    [{ error: { code: 7 } }, 'BadResponse', 'bad response: the answer is an error: {"code":7}'],
    [{ error: true }, 'BadResponse', 'bad response: the answer is an error: true'],
    [{ object: 'error', message: 'y', code: 400 }, 'InvalidRequest', '400: y'],
  ])('%j is %s', (body, code, described) => {
    const error = errorInBody(body, {}, {});
    expect([error?.code, describeError(error)]).toEqual([code, described]);
  });

  it.each([{}, { error: null }, { error: '' }, { error: false }, [[]], null, 'error'])('is not in %j', (body) => {
    expect(errorInBody(body, {}, {})).toBeUndefined();
  });
});
