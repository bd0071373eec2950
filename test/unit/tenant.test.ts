import { describe, expect, it } from '@jest/globals';
import { createTenant } from '../../src/auth/tenant.ts';

const identity = { apiKey: 'key', organisation: 'organisation', url: 'https://a', apiVersion: undefined };

describe('the scope of a tenant', () => {
  it('is the same wherever it is made, and says nothing of the credentials', () => {
    const { scope } = createTenant(identity);
    expect(createTenant({ ...identity }).scope).toBe(scope);
    expect(scope).toMatch(/^[\w-]{22}$/);
  });

  it('is another for any other key, organisation, base or version', () => {
    const scopes = [
      identity,
      { ...identity, apiKey: 'other' },
      { ...identity, organisation: 'other' },
      { ...identity, url: 'https://b' },
      { ...identity, apiVersion: '1' },
      { ...identity, apiKey: 'organisation', organisation: 'key' },
    ].map((one) => createTenant(one).scope);
    expect(new Set(scopes).size).toBe(scopes.length);
  });
});
