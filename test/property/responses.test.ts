import { Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Identity } from '../../src/auth/identity.ts';
import { parseConfig } from '../../src/config/config.ts';
import { createGraphQLRoute } from '../../src/http/graphqlRoute.ts';
import { propagatingTracing } from '../../src/telemetry/tracing.ts';
import { tenantOf } from '../support/totals.ts';

const parsed = parseConfig({ ZENSKAR_API_KEY: 'k', ZENSKAR_ORGANISATION: 'o' }, () => '');
if (!parsed.ok) throw new Error('The configuration is wrong.');
const { config } = parsed;

const tenants = ['a', 'b'].map(tenantOf);
const accessKeys = ['*', 'x', 'x,y'];
const identities: Identity[] = tenants.flatMap((tenant) =>
  accessKeys.map((accessKey) => ({ tenant, accessKey, name: undefined, maySee: () => true })),
);
/** Texts that could be taken for the end of one part of a key and the beginning of the next. */
const text = fc.constantFrom('{}', '{ }', '["*"]');
const step = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.record({
      kind: fc.constant('ask' as const),
      who: fc.nat(identities.length - 1),
      text,
      accept: fc.constantFrom('x', undefined),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: fc.nat(60) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('purge' as const) }) },
);

describe('whoever asks what, when and in whatever order', () => {
  it('gets an answer that was made for the same question of one who may see the same, not purged and not too old', async () => {
    let hits = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 40, maxLength: 80 }), async (steps) => {
        let nowMs = 0;
        let purges = 0;
        let asking: Identity | undefined;
        const route = createGraphQLRoute({
          config,
          limit: undefined,
          page: undefined,
          tracing: propagatingTracing,
          identify: () => asking as Identity,
          emit: () => {
            hits += 1;
          },
          now: () => nowMs,
          execute: async ({ identity, body, headers }) => {
            const at = purges;
            const { accept } = headers;
            const made = {
              scope: identity?.tenant.scope,
              accessKey: identity?.accessKey,
              body,
              accept,
              madeMs: nowMs,
              at,
            };
            const reuse = {
              operationName: null,
              units: 1,
              totals: 1,
              untilMs: nowMs + 100,
              isPurged: () => purges > at,
            };
            return { status: 200, headers: [], body: JSON.stringify(made), reuse };
          },
        });
        for (const one of steps) {
          if (one.kind === 'advance') nowMs += one.ms;
          else if (one.kind === 'purge') purges += 1;
          else {
            asking = identities[one.who] as Identity;
            const headers = { 'content-type': 'application/json', accept: one.accept };
            const request = Object.assign(Readable.from([Buffer.from(one.text)]), {
              method: 'POST',
              headers,
            });
            const exchange = { requestId: 'r', search: '', createSignal: () => new AbortController().signal };
            const answer = await route.answer(request as never, exchange);
            const { madeMs, ...made } = JSON.parse(String(answer.body));
            const asked = {
              scope: asking.tenant.scope,
              accessKey: asking.accessKey,
              body: JSON.parse(one.text),
              at: purges,
            };
            expect(made).toEqual(one.accept === undefined ? asked : { ...asked, accept: one.accept });
            expect(nowMs - madeMs).toBeLessThan(100);
          }
        }
      }),
      { numRuns: 500 },
    );
    expect(hits).toBeGreaterThan(500);
  }, 60_000);
});
