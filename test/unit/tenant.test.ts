import { describe, expect, it } from '@jest/globals';
import { createTenant } from '../../src/auth/tenant.ts';

const identity = { apiKey: 'key', organisation: 'organisation', url: 'https://a', apiVersion: undefined };

describe('createTenant', () => {
  it('gives equal credentials the same scope, a hash of 22 characters', () => {
    const { scope } = createTenant(identity);
    expect(createTenant({ ...identity }).scope).toBe(scope);
    expect(scope).toMatch(/^[\w-]{22}$/);
  });

  it('gives another scope to each other key, organisation, base URL and API version', () => {
    const scopes = [
      identity,
      { ...identity, apiKey: 'other' },
      { ...identity, organisation: 'other' },
      { ...identity, url: 'https://b' },
      { ...identity, apiVersion: '1' },
      { ...identity, apiKey: 'organisation', organisation: 'key' },
    ].map((input) => createTenant(input).scope);
    expect(new Set(scopes).size).toBe(scopes.length);
  });
});
