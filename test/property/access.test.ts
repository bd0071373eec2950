import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readClaims } from '../../src/auth/claims.ts';
import { noSpan } from '../../src/telemetry/tracing.ts';
import { createTotalLoader } from '../../src/totals/loader.ts';
import { createLoadStats } from '../../src/totals/stats.ts';
import { idOf } from '../support/ids.ts';
import { answerWith, createTotals, tenantOf } from '../support/totals.ts';

const customers = Array.from({ length: 5 }, (_, n) => idOf(n));
const scope = 'entitlements:read:all';
const spelling = fc.constantFrom(
  (id: string) => id,
  (id: string) => id.toUpperCase(),
  (id: string) => `{${id}}`,
);
/** Values of a claim: ids in any spelling, near misses and other JSON values. */
const id = fc.tuple(fc.constantFrom(...customers), spelling).map(([text, spell]) => spell(text));
const otherValue = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom(...customers).map((text) => text.slice(1)),
  fc.constantFrom('*', 'all', customers.join(','), { [customers[0] ?? '']: true }),
);
const claim = fc.oneof(id, fc.array(fc.oneof(id, otherValue)), otherValue);
const payload = fc.record(
  {
    customer_id: claim,
    scope: fc.oneof(otherValue, fc.constantFrom(scope, `x ${scope}`, `${scope}x`, [scope])),
  },
  { requiredKeys: [] },
);
const requestedTotals = fc.array(fc.record({ customer: fc.nat(4), entitlement: fc.nat(3) }), {
  minLength: 1,
  maxLength: 12,
});

/** A second, independent implementation of what the claims allow. */
function isAllowed(claims: { customer_id?: unknown; scope?: unknown }, customerId: string): boolean {
  const scopes = typeof claims.scope === 'string' ? claims.scope.split(' ') : claims.scope;
  if (Array.isArray(scopes) && scopes.some((item) => item === scope)) return true;
  const ids = Array.isArray(claims.customer_id) ? claims.customer_id : [claims.customer_id];
  return ids.some((item) => {
    if (typeof item !== 'string') return false;
    return [customerId, `{${customerId}}`].includes(item.toLowerCase());
  });
}

describe('the access control of totals', () => {
  it('returns exactly the totals that the claims allow, for any claims and keys', async () => {
    const seen = { allowed: 0, forbidden: 0 };
    // One cache for all callers, as it is in the gateway.
    const { source } = await createTotals(async (parameters) => answerWith(parameters, 1), {
      maxAgeMs: 1000,
      staleWhileRevalidateMs: 0,
      staleIfErrorMs: 0,
    });
    await fc.assert(
      fc.asyncProperty(payload, requestedTotals, async (claims, keys) => {
        const { maySee } = readClaims(claims as Record<string, unknown>, {
          customerClaim: 'customer_id',
          allCustomersScope: scope,
        });
        const { signal } = new AbortController();
        const caller = {
          tenant: tenantOf('one'),
          maySee,
          requestId: 'r',
          span: noSpan,
          signal,
          stats: createLoadStats(),
        };
        const loader = createTotalLoader(source, caller);
        const answers = keys.map(async ({ customer, entitlement }) => {
          const customerId = idOf(customer);
          const key = { customerId, entitlementId: idOf(entitlement), startDate: null, endDate: null };
          const answer = await (async () => loader.load(key))().catch((error: unknown) => error);
          const allowed = isAllowed(claims, customerId);
          expect(answer).toMatchObject(allowed ? { ...key, quantity: 1 } : { code: 'FORBIDDEN' });
          seen[allowed ? 'allowed' : 'forbidden'] += 1;
        });
        await Promise.all(answers);
      }),
      { numRuns: 2000 },
    );
    expect(seen.allowed).toBeGreaterThan(1000);
    expect(seen.forbidden).toBeGreaterThan(1000);
  }, 60_000);
});
