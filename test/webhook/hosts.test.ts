import { describe, expect, it } from 'vitest';
import { AllowedHosts, hostsProblem, splitHosts } from '../../src/webhook/hosts.js';

function admit(hosts: string, url: string): string {
  return new AllowedHosts(splitHosts(hosts)).admit(new URL(url)) ?? 'no';
}

describe('the hosts that a worker sends webhooks to', () => {
  it.each([
    ['', 'https://hooks.example.com/', 'no'],
    ['hooks.example.com', 'https://hooks.example.com/a/b', 'anywhere'],
    ['hooks.example.com', 'http://hooks.example.com/', 'anywhere'],
    ['hooks.example.com', 'https://HOOKS.example.COM./', 'anywhere'],
    ['Hooks.Example.com', 'https://hooks.example.com:443/', 'anywhere'],
    ['hooks.example.com', 'https://hooks.example.com:8443/', 'no'],
    ['hooks.example.com:8443', 'https://hooks.example.com:8443/', 'anywhere'],
    ['hooks.example.com:8443', 'https://hooks.example.com/', 'no'],
    ['hooks.example.com:443', 'https://hooks.example.com/', 'anywhere'],
    ['hooks.example.com:443', 'http://hooks.example.com/', 'no'],
    ['hooks.example.com', 'https://x.hooks.example.com/', 'no'],
    ['hooks.example.com', 'https://hooks.example.com.evil.test/', 'no'],
    ['*.example.com', 'https://a.b.example.com/', 'anywhere'],
    ['*.example.com', 'https://example.com/', 'no'],
    ['*.example.com', 'https://badexample.com/', 'no'],
    ['a.test, b.test', 'https://b.test/', 'anywhere'],
    ['10.0.0.5:8080', 'http://10.0.0.5:8080/', 'anywhere'],
    ['127.0.0.1', 'http://2130706433/', 'anywhere'],
    ['[::1]:9000', 'http://[0:0::1]:9000/', 'anywhere'],
    ['bücher.example', 'https://xn--bcher-kva.example/', 'anywhere'],
    ['*', 'https://hooks.example.com:8443/', 'public'],
    ['*', 'https://93.184.215.14/', 'public'],
    ['*', 'http://169.254.169.254/latest/meta-data', 'no'],
    ['*', 'http://0xa9fea9fe/', 'no'],
    ['*', 'http://[::ffff:169.254.169.254]/', 'no'],
    ['*', 'http://[fd00:ec2::254]/', 'no'],
    ['*, 10.0.0.5', 'http://10.0.0.5/', 'anywhere'],
  ])('%j: %s: %s', (hosts, url, admitted) => {
    expect(admit(hosts, url)).toBe(admitted);
  });

  it('are all, those of the own network included, if it is said so', () => {
    expect(new AllowedHosts('any').admit(new URL('http://127.0.0.1:8080/'))).toBe('anywhere');
  });

  it.each([
    'https://a.test',
    'a.test/path',
    'user@a.test',
    'a.test:0',
    'a.test:99999',
    '*.',
    '**',
    'a*.test',
    ':443',
    'a b',
  ])('are refused if an entry is %j, which is named', (entry) => {
    expect(hostsProblem(['a.test', entry])).toContain(`the webhook host ${entry} is none`);
  });
});
