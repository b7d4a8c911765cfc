import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DriaBatchPlugin } from '../src/plugin.js';
import { checkTenants, type Tenant, tenantAt } from '../src/tenants.js';

const acme: Tenant = { name: 'acme', namespaces: ['acme'], apiKey: 'key-a' };
const globex: Tenant = { name: 'globex', namespaces: ['shared'], taskQueues: ['globex'], apiKey: 'key-g' };

describe('checkTenants', () => {
  it.each<readonly [string, readonly Tenant[], RegExp]>([
    ['an entry that any run could use', [{ name: 'all', apiKey: 'k' }], /all names no namespaces and no taskQueues/],
    ['a name that is there twice', [acme, { ...globex, name: 'acme' }], /acme is there twice/],
    ['two keys for one place', [globex, { name: 'x', taskQueues: ['globex'], apiKey: 'k' }], /globex and x share/],
  ])('refuses %s', (_what, tenants, message) => {
    expect(() => checkTenants(tenants)).toThrow(message);
    expect(() => new DriaBatchPlugin({ tenants, storage: '/tmp' })).toThrow(message);
  });

  it('leaves one tenant or none for every place, in whatever order they stand', () => {
    const names = fc.uniqueArray(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 2 });
    const entry = fc.record({ namespaces: names, taskQueues: names });
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 4 }), fc.constantFrom('a', 'b', 'c'), (entries, name) => {
        const tenants = entries.map((one, at) => ({ ...one, name: `${at}`, apiKey: 'k' }));
        try {
          checkTenants(tenants);
        } catch {
          return;
        }
        const here = { namespace: name, taskQueue: 'a' };
        const nameIn = (table: readonly Tenant[]) => {
          try {
            return tenantAt(table, here).name;
          } catch {
            return undefined;
          }
        };
        expect(nameIn(tenants.toReversed())).toBe(nameIn(tenants));
      }),
    );
  });
});

describe('tenantAt', () => {
  it.each([
    ['acme', 'any queue', 'acme'],
    ['shared', 'globex', 'globex'],
  ])('namespace %s and task queue %s are those of %s', (namespace, taskQueue, name) => {
    expect(tenantAt([acme, globex], { namespace, taskQueue }).name).toBe(name);
  });

  it.each([
    ['shared', 'other'],
    ['other', 'globex'],
  ])('refuses namespace %s and task queue %s, and names no tenant', (namespace, taskQueue) => {
    expect(() => tenantAt([acme, globex], { namespace, taskQueue })).toThrow(
      `no tenant for the namespace ${namespace} and the task queue ${taskQueue}`,
    );
  });
});
