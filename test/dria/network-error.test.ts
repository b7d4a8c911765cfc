import { expect, it } from 'vitest';
import { describeError } from '../../src/dria/errors.js';
import { isTooManyFiles, networkError } from '../../src/dria/network-error.js';

const failed = (code: string, more: object = {}) => Object.assign(new Error(`${code} said`), { code, ...more });

it.each<[string, boolean, string, string]>([
  ['ECONNREFUSED', false, 'endpoint EndpointUnavailable', 'network: connection refused (127.0.0.1:9)'],
  ['ENOTFOUND', false, 'endpoint EndpointUnavailable', 'network: host not found (127.0.0.1:9)'],
  ['EAI_AGAIN', false, 'endpoint EndpointUnavailable', 'network: host name not resolved for now (127.0.0.1:9)'],
  ['UND_ERR_CONNECT_TIMEOUT', false, 'endpoint EndpointUnavailable', 'network: connection timed out (127.0.0.1:9)'],
  [
    'CERT_HAS_EXPIRED',
    false,
    'endpoint EndpointUnavailable',
    'network: its certificate has expired (CERT_HAS_EXPIRED) (127.0.0.1:9)',
  ],
  ['ECONNRESET', false, 'endpoint EndpointUnavailable', 'network: connection reset (127.0.0.1:9)'],
  ['ECONNRESET', true, 'attempt NetworkError', 'network: connection reset (127.0.0.1:9)'],
  ['UND_ERR_SOCKET', true, 'attempt NetworkError', 'network: connection closed by the server (127.0.0.1:9)'],
  ['UND_ERR_DESTROYED', false, 'endpoint NetworkError', 'network: the endpoint was closed'],
])('%s (an answer had begun: %s) is the fault of the %s', (code, hasBegun, verdict, words) => {
  const error = networkError(failed(code, { address: '127.0.0.1', port: 9 }), [], { hasBegun });
  expect([`${error.fault} ${error.code}`, describeError(error)]).toEqual([verdict, words]);
  expect(isTooManyFiles(error)).toBe(false);
});

it.each([
  ['ERR_SSL_WRONG_VERSION_NUMBER', /^network: what answers there speaks no TLS: is the address one of http:/],
  ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', /^network: the TLS handshake failed \(ERR_SSL/],
  ['EPROTO', /^network: the TLS handshake failed \(EPROTO\)/],
  ['SELF_SIGNED_CERT_IN_CHAIN', /^network: its certificate is signed by no authority known here; NODE_EXTRA_CA_CERTS/],
])('%s is said in plain words, and not in those of OpenSSL', (code, words) => {
  const error = Object.assign(new Error('C0B7:error:0A00010B:SSL routines:../deps/openssl/record.c:354:'), { code });
  const described = describeError(networkError(error, [], { hasBegun: false }));
  expect(described).toMatch(words);
  expect(described).not.toMatch(/openssl|routines/);
});

it.each(['EMFILE', 'ENFILE'])('%s is ours, and says what to do', (code) => {
  const error = networkError(new AggregateError([failed(code)]), [], { hasBegun: false });
  expect(error).toMatchObject({ code: 'NetworkError', fault: 'endpoint', retryAfterMs: 1000 });
  expect(describeError(error)).toMatch(/^network: too many open files in this process \(E[MN]FILE\): .*ulimit -n/);
  expect(isTooManyFiles(error)).toBe(true);
});
