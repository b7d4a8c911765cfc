import { lookup } from 'node:dns';
import { isIP } from 'node:net';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { isPublicAddress, lookupPublic } from '../../src/webhook/public-address.js';

it.each([
  '0.0.0.0',
  '10.1.2.3',
  '100.100.100.200',
  '127.0.0.1',
  '127.255.255.254',
  '169.254.169.254',
  '172.16.0.1',
  '172.31.255.255',
  '192.0.0.192',
  '192.168.1.1',
  '198.18.0.1',
  '224.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  '::ffff:127.0.0.1',
  '::ffff:8.8.8.8',
  '64:ff9b::a00:1',
  '64:ff9b:1::1',
  '100::1',
  '2001::1',
  '2001:db8::1',
  '2002:a00:1::1',
  'fc00::1',
  'fd00:ec2::254',
  'fe80::1',
  'fec0::1',
  'ff02::1',
  'localhost',
  '',
])('%j is not public', (address) => {
  expect(isPublicAddress(address)).toBe(false);
});

it.each([
  '1.1.1.1',
  '8.8.8.8',
  '100.63.255.255',
  '100.128.0.1',
  '172.15.0.1',
  '172.32.0.1',
  '192.169.0.1',
  '223.255.255.254',
  '2606:4700::1111',
  '2a00:1450::1',
])('%s is public', (address) => {
  expect(isPublicAddress(address)).toBe(true);
});

it.each([{ all: true }, {}, { family: 4 }])(
  'a name that leads to this machine is not looked up with %j',
  async (options) => {
    const found = await promisify(lookup)('localhost');
    expect(isIP(found.address)).not.toBe(0);
    const error = await new Promise((resolve) => lookupPublic('localhost', options, resolve));
    expect(error).toMatchObject({ code: 'ENOTPUBLIC', message: 'localhost leads to an address that is not public' });
  },
);

it('an address is looked up as it is, in the form that is asked for', async () => {
  const all = await new Promise((resolve) =>
    lookupPublic('8.8.8.8', { all: true }, (_error, addresses) => resolve(addresses)),
  );
  expect(all).toEqual([{ address: '8.8.8.8', family: 4 }]);
  const one = await new Promise((resolve) => lookupPublic('8.8.8.8', {}, (...given) => resolve(given)));
  expect(one).toEqual([null, '8.8.8.8', 4]);
});
