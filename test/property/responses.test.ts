import { Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Identity } from '../../src/auth/authenticate.ts';
import { parseConfig } from '../../src/config/config.ts';
import type { MediaType } from '../../src/errors.ts';
import { createPipeline } from '../../src/pipeline.ts';
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
const report = {
  operationName: null,
  operationType: 'query',
  claimedName: undefined,
  outcome: 'ok',
  codes: [],
  upstreamCalls: 1,
  upstreamMs: 1,
  execution: 'interpreted',
} as const;
/** Texts that could be mistaken for the end of one part of a key and the beginning of the next. */
const text = fc.constantFrom('{}', '{ }', '["*"]');
const step = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.record({
      kind: fc.constant('ask' as const),
      who: fc.nat(identities.length - 1),
      text,
      mediaType: fc.constantFrom<MediaType>('application/json', 'application/graphql-response+json'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: fc.nat(60) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('purge' as const) }) },
);

describe('the response cache behind the pipeline', () => {
  it('answers only the same request of a caller with the same access, until the response expires or is purged', async () => {
    let hits = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 40, maxLength: 80 }), async (steps) => {
        let nowMs = 0;
        let purges = 0;
        let caller = identities[0] as Identity;
        const pipeline = createPipeline({
          config,
          authenticate: () => caller,
          rateLimiter: undefined,
          page: undefined,
          tracing: propagatingTracing,
          emit: (event) => {
            if (event.type === 'operationEnded' && event.responseCache === 'hit') hits += 1;
          },
          monotonic: () => nowMs,
          graphql: {
            start: async () => {},
            stop: async () => {},
            serveLandingPage: () => Promise.reject(new Error('No page was requested.')),
            execute: async ({ body, mediaType }) => {
              const purgesBefore = purges;
              const { accessKey, tenant } = caller;
              const made = { scope: tenant.scope, accessKey, body, mediaType, madeMs: nowMs, purgesBefore };
              return {
                status: 200,
                headers: [],
                body: JSON.stringify(made),
                report: { ...report, totals: { upstream: 1 } },
                cost: 1,
                cachePolicy: { expiresAtMs: nowMs + 100, isPurged: () => purges > purgesBefore },
                retryAfterSeconds: undefined,
              };
            },
          },
        });
        for (const one of steps) {
          if (one.kind === 'advance') nowMs += one.ms;
          else if (one.kind === 'purge') purges += 1;
          else {
            caller = identities[one.who] as Identity;
            const headers = { 'content-type': 'application/json' };
            const body = Readable.from([Buffer.from(one.text)]);
            const request = Object.assign(body, { method: 'POST', headers, rawHeaders: [] });
            const exchange = {
              requestId: 'r',
              mediaType: one.mediaType,
              search: '',
              timedOrigin: undefined,
              createSignal: () => new AbortController().signal,
            };
            const response = await pipeline.handle(request as never, exchange);
            const { madeMs, ...made } = JSON.parse(String(response.body));
            const expected = {
              scope: caller.tenant.scope,
              accessKey: caller.accessKey,
              body: JSON.parse(one.text),
              mediaType: one.mediaType,
              purgesBefore: purges,
            };
            expect(made).toEqual(expected);
            expect(nowMs - madeMs).toBeLessThan(100);
          }
        }
      }),
      { numRuns: 500 },
    );
    expect(hits).toBeGreaterThan(500);
  }, 60_000);
});
