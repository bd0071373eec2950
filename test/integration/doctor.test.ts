import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, connect, createServer as createSocketServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { checkClock } from '../../src/cli/doctor/checkClock.ts';
import { describeDrift } from '../../src/cli/doctor/describeDrift.ts';
import { examine, type Finding } from '../../src/cli/doctor/examine.ts';
import { toText } from '../../src/cli/doctor/toText.ts';
import { createSimulator } from '../../src/simulator/simulator.ts';
import { decodeTotal } from '../../src/zenskar/outcome.ts';
import { createCertificate } from '../support/certificate.ts';
import { findFreePort } from '../support/freePort.ts';
import { apiKey, customer, customerOf, entitlement, organisation } from '../support/ids.ts';
import { useIssuer } from '../support/issuer.ts';
import { describeWithRedis } from '../support/redis.ts';

type Check = Finding['check'];
type Environment = Readonly<Record<string, string>>;

const simulator = createSimulator();
const servers: Server[] = [];
let simulated: string;

beforeAll(async () => {
  simulated = await simulator.start('127.0.0.1', 0);
});
afterAll(async () => {
  await simulator.stop();
  for (const server of servers) server.close();
});

const redisPassword = 'redis-password-0123456789';
const secrets = [apiKey, organisation, redisPassword];
const credentials = { ZENSKAR_API_KEY: apiKey, ZENSKAR_ORGANISATION: organisation };
const real = { entitlementId: entitlement, customerId: customer };

const readNothing = () => {
  throw new Error('There are no files.');
};

/** What the doctor finds; whatever it is, it holds no secret. */
async function diagnose(
  environment: Environment,
  ids?: typeof real,
  withCredentials = true,
): Promise<Finding[]> {
  const given = { ZENSKAR_URL: simulated, ...(withCredentials ? credentials : {}), ...environment };
  const report = await examine({ environment: given, readFile: readNothing, ids, now: Date.now });
  for (const secret of secrets) expect(toText(report) + JSON.stringify(report)).not.toContain(secret);
  return [...report.findings];
}

async function find(check: Check, environment: Environment, ids?: typeof real): Promise<Finding | undefined> {
  return (await diagnose(environment, ids)).find((finding) => finding.check === check);
}

async function listen(server: Server): Promise<number> {
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** A server in Zenskar's place. */
async function serve(listener: RequestListener): Promise<string> {
  const server = createServer({ keepAlive: false }, (request, response) => {
    listener(request, response.setHeader('connection', 'close'));
  });
  return `http://127.0.0.1:${await listen(server)}`;
}

/** One that gives the same answer to every call. */
function serveAlways(status: number, body: string, headers: Readonly<Record<string, string>> = {}) {
  return serve((_, response) => response.writeHead(status, headers).end(body));
}

/** What the doctor says of the upstream at this URL. */
function judge(url: string, ids?: typeof real) {
  return find('upstream', { ZENSKAR_URL: url }, ids);
}

/** What the doctor says of a behaviour of the simulator. */
function judgeCustomer(code: string) {
  return judge(simulated, { entitlementId: entitlement, customerId: customerOf(code) });
}

function problemOf(check: Check, reason: unknown, next: unknown) {
  return { check, status: 'problem', reason, next };
}

describe('the doctor, of the upstream,', () => {
  it('finds nothing where a real total is answered', async () => {
    expect(await diagnose({}, real)).toEqual([
      { check: 'configuration', status: 'ok', reason: 'All variables can be read and fit together.' },
      {
        check: 'redis',
        status: 'skipped',
        reason: 'REDIS_URL is not set, so each replica keeps a cache of its own.',
        next: 'Nothing, or set REDIS_URL to share one.',
      },
      {
        check: 'jwks',
        status: 'skipped',
        reason: 'AUTH_MODE is none, which knows no tokens.',
        next: 'Nothing, or set AUTH_MODE=jwt to use them.',
      },
      {
        check: 'upstream',
        status: 'ok',
        reason: expect.stringMatching(/^Zenskar answered in \d+ ms with a total as agreed\.$/),
      },
      {
        check: 'clock',
        status: 'ok',
        reason: expect.stringMatching(
          /^The clock is within \d\.\d s \(give or take \d\.\d s\) of Zenskar's\.$/,
        ),
      },
    ]);
  });

  it('sends what the gateway would, once', async () => {
    simulator.state.requestHeaders.length = 0;
    await judge(simulated, real);
    const host = new URL(simulated).host;
    expect(simulator.state.requestHeaders).toEqual([
      {
        host,
        accept: 'application/json',
        'user-agent': expect.stringContaining('zenskar-graphql-gateway/'),
        'x-api-key': apiKey,
        organisation,
        'x-request-id': expect.stringMatching(/^doctor-/),
        connection: 'close',
      },
    ]);
  });

  it('asks for a total that need not exist where it is given no ids', async () => {
    const askForIds = 'To check a real total as well, add -- --entitlement UUID --customer UUID.';
    const good = (reason: string) => ({
      check: 'upstream',
      status: 'ok',
      reason: expect.stringContaining(reason),
      next: askForIds,
    });
    expect(await judge(simulated)).toEqual(good('with a total as agreed for ids that need not exist.'));
    const unknown = await serveAlways(404, '{"detail": "Entitlement not found"}');
    expect(await judge(unknown)).toEqual(
      good('that it does not know ids that need not exist, so it took the credentials.'),
    );
    const refused = await serveAlways(400, '{"detail": "No such entitlement"}');
    expect(await judge(refused)).toEqual(
      good('that it refuses ids that need not exist, so it took the credentials.'),
    );
  });

  it.each([
    [
      '0401',
      /^Wrong key, most likely: status 401 with the words "Unauthorized"\.$/,
      /^Compare ZENSKAR_API_KEY /,
    ],
    [
      '0403',
      /^Wrong organisation, most likely: status 403 with .*explicit deny"\.$/,
      /^Compare ZENSKAR_ORGANISATION /,
    ],
    [
      '3422',
      /^Wrong organisation: status 422 that blames the header organisation\.$/,
      /^Compare ZENSKAR_ORGANISATION /,
    ],
    [
      '0404',
      /^Zenskar does not know this .* so the organisation is the likelier fault\.$/,
      /^Check both ids, and .* ZENSKAR_ORGANISATION\.$/,
    ],
    [
      '0422',
      /^Zenskar refuses the arguments: status 422\. Neither key nor organisation is the fault\.$/,
      /^Check the ids/,
    ],
    [
      '2422',
      /^Zenskar refuses the arguments: status 422 with the words "The window is too long"\./,
      /^Check the ids/,
    ],
    [
      '0400',
      /^Zenskar refuses the call: status 400 with the words "The entitlement has no such window"\./,
      /^Check that the entitlement/,
    ],
    ['0429', /^Zenskar limits the rate of calls: status 429/, /^Run this again in a minute/],
    ['9500', /^Zenskar fails: status 500\.$/, /^Run this again in a minute/],
    [
      '0503',
      /^Zenskar fails: status 503 with the words "Service Unavailable"\.$/,
      /^Run this again in a minute/,
    ],
    ['8888', /^Connection lost: 127\.0\.0\.1:\d+ closed it before .* \(ECONNRESET\)\.$/, /^Run this again/],
  ])('names the fault of customer %s', async (code, reason, next) => {
    expect(await judgeCustomer(code)).toEqual(
      problemOf('upstream', expect.stringMatching(reason), expect.stringMatching(next)),
    );
  });

  it.each([
    ['{"message": "Forbidden"}', 403, /^Wrong key or organisation, the key more likely: status 403/],
    ['{"detail": [{"loc": ["header", "x_api_key"]}]}', 422, /^Wrong key: status 422 /],
    ['{"detail": [{"loc": ["header", "apiversion"]}]}', 422, /^Wrong API version: status 422 /],
    [
      '{"detail": [{"loc": ["header", "x-new"]}]}',
      422,
      /^Zenskar wants a header that the gateway does not send/,
    ],
    [
      '{"message": "what?"}',
      418,
      /^Status 418 with the words "what\?", which Zenskar is not known to give\.$/,
    ],
  ])('names the fault in %s', async (body, status, reason) => {
    const url = await serveAlways(status, body);
    expect(await judge(url, real)).toEqual(
      problemOf('upstream', expect.stringMatching(reason), expect.any(String)),
    );
  });

  it('names a wrong base URL', async () => {
    const page = await serveAlways(200, '<!doctype html><title>Hello</title>', {
      'content-type': 'text/html',
    });
    const elsewhere = await serveAlways(404, 'not here');
    const unrouted = await serveAlways(404, '{"detail": "Not Found"}');
    const reasons = [];
    for (const url of [page, elsewhere, unrouted, `${simulated}/v2`])
      reasons.push((await judge(url, real))?.reason);
    expect(reasons).toEqual([
      "Wrong base URL: what answers there sends a web page (status 200), so it is not Zenskar's API.",
      'Wrong base URL: status 404, and not in the form in which Zenskar says it.',
      'Wrong base URL, most likely: Zenskar knows no such path (404 "Not Found").',
      'Wrong base URL: the API gateway knows no such path: status 403 with the words "Missing Authentication Token".',
    ]);
  });

  it('names a redirect, which it does not follow, and where it leads', async () => {
    const url = await serve((request, response) =>
      response.writeHead(308, { location: `https://elsewhere.example.com/base${request.url}` }).end(),
    );
    expect(await judge(url, real)).toEqual(
      problemOf(
        'upstream',
        expect.stringMatching(/^Redirect: the answer is 308 to https:\/\/elsewhere\.example\.com\/base\//),
        "Set ZENSKAR_URL to https://elsewhere.example.com/base, if that is Zenskar's.",
      ),
    );
    const home = await serveAlways(302, '', { location: '/login?next=everything' });
    expect(await judge(home, real)).toEqual(
      problemOf(
        'upstream',
        `Redirect: the answer is 302 to ${home}/login; the gateway follows none, so that no other host gets the key.`,
        'Mend ZENSKAR_URL; what answers there is likely no API at all.',
      ),
    );
  });

  it('names a DNS failure', async () => {
    expect(await judge('https://zenskar.invalid')).toEqual(
      problemOf('upstream', expect.stringMatching(/^DNS failure: .*zenskar\.invalid/), expect.any(String)),
    );
  }, 20_000);

  it('names a refused connection', async () => {
    const port = await findFreePort();
    expect(await judge(`http://127.0.0.1:${port}`)).toEqual(
      problemOf(
        'upstream',
        `Connection refused: nothing listens at 127.0.0.1:${port}, or a firewall refuses (ECONNREFUSED).`,
        'Mend host and port in ZENSKAR_URL; if they are right, see that what should listen there runs.',
      ),
    );
  });

  it('names a TLS failure, and which', async () => {
    const secure = await listen(createSecureServer(createCertificate()));
    expect(await judge(`https://127.0.0.1:${secure}`)).toEqual(
      problemOf(
        'upstream',
        `TLS failure: the certificate of 127.0.0.1:${secure} is self-signed, so nobody vouches for it (DEPTH_ZERO_SELF_SIGNED_CERT).`,
        expect.stringContaining('NODE_EXTRA_CA_CERTS=FILE'),
      ),
    );
    const plain = simulated.replace('http:', 'https:');
    expect(await judge(plain)).toEqual(
      problemOf(
        'upstream',
        expect.stringMatching(/^TLS failure: no secure connection to 127\.0\.0\.1:\d+ came about \(\w+\)\.$/),
        'What answers there may not speak TLS: check scheme and port in ZENSKAR_URL.',
      ),
    );
  });

  it('names a timeout, and how far the call came', async () => {
    const impatient = { UPSTREAM_ATTEMPT_TIMEOUT_MS: '100' };
    const silent = { entitlementId: entitlement, customerId: customerOf('9999') };
    expect(await find('upstream', impatient, silent)).toEqual(
      problemOf(
        'upstream',
        expect.stringMatching(
          /^Timeout: 127\.0\.0\.1:\d+ took the connection but gave no whole answer within 100 ms\.$/,
        ),
        'Run this again; if it is always this slow, raise UPSTREAM_ATTEMPT_TIMEOUT_MS.',
      ),
    );
    const endless = await serve((_, response) => response.writeHead(200).write('{'));
    expect((await find('upstream', { ...impatient, ZENSKAR_URL: endless }))?.reason).toMatch(/^Timeout: /);
    const port = await listen(createSocketServer((socket) => void socket.on('error', () => {}).resume()));
    const deaf = { ...impatient, ZENSKAR_URL: `https://127.0.0.1:${port}` };
    expect((await find('upstream', deaf))?.reason).toMatch(/^Timeout: .* agreed on no TLS within 100 ms\.$/);
  });

  it('names an answer that is not HTTP', async () => {
    const port = await listen(
      createSocketServer((socket) => void socket.on('error', () => {}).end('220 hello\r\n')),
    );
    expect((await judge(`http://127.0.0.1:${port}`))?.reason).toMatch(
      /^What answers at 127\.0\.0\.1:\d+ does not speak HTTP \(HPE_\w+\)\.$/,
    );
  });

  it('says of an answer without end that it is none', async () => {
    const url = await serveAlways(200, 'x'.repeat(100_000));
    expect((await judge(url))?.reason).toBe('The answer is far larger than any total.');
  });

  it('hides secrets that an answer repeats, and what would drive a terminal', async () => {
    const url = await serve(({ headers }, response) =>
      response.writeHead(403).end(JSON.stringify({ message: `\u001b[2JNo ${headers['x-api-key']} here` })),
    );
    expect((await judge(url))?.reason).toBe(
      'Wrong key or organisation, the key more likely: status 403 with the words " [2JNo (secret) here".',
    );
  });

  it('hides a secret of which the words would be cut, and one that JSON writes in other letters', async () => {
    const words = 'x'.repeat(190);
    const cut = await serve(({ headers }, response) =>
      response.writeHead(403).end(JSON.stringify({ message: `${words}${headers['x-api-key']}` })),
    );
    expect((await judge(cut))?.reason).toBe(
      `Wrong key or organisation, the key more likely: status 403 with the words "${words}(secret)".`,
    );
    const odd = 'a\\key"in-quotes';
    const field = await serve(({ headers }, response) =>
      response.end(JSON.stringify({ [`no ${headers['x-api-key']}`]: 1 })),
    );
    const report = JSON.stringify(await diagnose({ ZENSKAR_URL: field, ZENSKAR_API_KEY: odd }));
    expect(report).toContain('unknown field \\"no (secret)\\"');
  });

  it('needs no credentials where the callers bring theirs', async () => {
    const environment = { AUTH_MODE: 'passthrough' };
    const findings = await diagnose(environment, undefined, false);
    expect(findings.find(({ check }) => check === 'upstream')).toEqual({
      check: 'upstream',
      status: 'ok',
      reason: expect.stringMatching(
        /ms and refused a call without credentials, as it should: the callers bring theirs\.$/,
      ),
      next: 'To check a pair, set ZENSKAR_API_KEY and ZENSKAR_ORGANISATION for this command alone.',
    });
    expect(
      (await diagnose({ ...environment, ZENSKAR_URL: `${simulated}/v2` }, undefined, false))[3]?.reason,
    ).toMatch(/^Wrong base URL: /);
    expect(
      (await find('upstream', environment, { entitlementId: entitlement, customerId: customerOf('0403') }))
        ?.reason,
    ).toMatch(/^Wrong organisation/);
  });
});

describe('the doctor, of the contract,', () => {
  const total = { entitlement, customer, quantity: 1 };
  const asked = { entitlementId: entitlement, customerId: customer, startDate: null, endDate: null };

  it('names fields that are unknown, missing or of another type', async () => {
    const { customer: _, ...changed } = { ...total, quantity: [1], unit: 'calls' };
    const url = await serveAlways(200, JSON.stringify(changed));
    expect(await judge(url, real)).toEqual(
      problemOf(
        'upstream',
        'Contract drift: the answer of 200 is not as agreed: unknown field "unit"; missing field "customer"; field "quantity" is a list, expected a number or null.',
        'Compare it with the current reference of Zenskar; unknown fields are ignored, anything else fails the total.',
      ),
    );
  });

  it('suspects the base URL where there is nothing of a total', async () => {
    const url = await serveAlways(200, '{"hello": "world"}');
    expect((await judge(url, real))?.next).toMatch(
      /^There is nothing of a total in it: check that ZENSKAR_URL /,
    );
  });

  it.each([
    ['5200', 'the body is not JSON'],
    ['6200', 'field "quantity" is an object, expected a number or null'],
    ['7200', 'field "customer" names another one than was asked for'],
  ])('names the drift of customer %s', async (code, drift) => {
    expect((await judgeCustomer(code))?.reason).toBe(
      `Contract drift: the answer of 200 is not as agreed: ${drift}.`,
    );
  });

  it.each(['0200', '1200', '2200', '3200', '4200'])('accepts the odd total of customer %s', async (code) => {
    expect(await judgeCustomer(code)).toMatchObject({ status: 'ok' });
  });

  it('is of the same mind as the gateway, but for unknown fields', () => {
    const value = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom(entitlement, customer.toUpperCase(), '1e3', '1000.50', 1e21),
    );
    const body = fc.oneof(
      fc.json(),
      fc
        .record({ entitlement: value, customer: value, quantity: value }, { requiredKeys: [] })
        .map((changes) => JSON.stringify({ ...total, ...changes })),
      fc.constantFrom('{', '[]', JSON.stringify(total).replace(':1', ':1e999')),
    );
    fc.assert(
      fc.property(body, (text) => {
        const drift = describeDrift(text, asked).filter((one) => !/unknown field/.test(one));
        expect(drift.length === 0).toBe(decodeTotal(text, asked).ok);
      }),
    );
  });
});

describe('the doctor, of the clock,', () => {
  const headers = { date: 'Tue, 06 Jan 2026 10:00:00 GMT' };
  const secondMs = Date.parse(headers.date);
  const at = (offsetMs: number, tookMs = 0) => {
    const sentMs = secondMs + offsetMs - tookMs / 2;
    return checkClock({ headers, sentMs, receivedMs: sentMs + tookMs });
  };

  it('names a skew of more than 30 s', async () => {
    const date = new Date(Date.now() - 60_000).toUTCString();
    const url = await serveAlways(200, '{}', { date });
    expect(await find('clock', { ZENSKAR_URL: url })).toEqual(
      problemOf(
        'clock',
        expect.stringMatching(
          /^The clock of this machine is (59|60)\.\d s \(give or take 0\.\d s\) ahead of Zenskar's\.$/,
        ),
        'Have it set by a time server (NTP): tokens are judged by it, and `asOf` is told by it.',
      ),
    );
    const early = await serveAlways(503, '', { date: new Date(Date.now() + 60_000).toUTCString() });
    expect((await find('clock', { ZENSKAR_URL: early }))?.reason).toMatch(/ behind Zenskar's\.$/);
  });

  it('makes allowance for the second that the date names and for half of the round trip', () => {
    expect(at(31_000)).toMatchObject({ status: 'ok' });
    expect(at(31_001)).toMatchObject({ status: 'problem' });
    expect(at(-30_000)).toMatchObject({ status: 'ok' });
    expect(at(-30_001)).toMatchObject({ status: 'problem' });
    expect(at(31_500, 1000)).toMatchObject({ status: 'ok' });
    expect(at(31_501, 1000)).toMatchObject({ status: 'problem' });
  });

  it('is not judged without an answer or a date', async () => {
    const port = await findFreePort();
    expect(await find('clock', { ZENSKAR_URL: `http://127.0.0.1:${port}` })).toEqual({
      check: 'clock',
      status: 'skipped',
      reason: 'Zenskar gave no answer whose date could be read.',
      next: 'Mend the upstream first.',
    });
    expect(checkClock({ headers: {}, sentMs: 0, receivedMs: 1 })).toEqual({
      status: 'skipped',
      reason: 'The answer has no readable date.',
      next: 'Compare the clock of this machine by other means.',
    });
  });
});

describe('the doctor, of the keys,', () => {
  const issuer = useIssuer();
  const judgeKeys = () => find('jwks', issuer.environment());
  const judgeBody = async (body: string) => {
    issuer.fault = { status: 200, body };
    return (await judgeKeys())?.reason;
  };

  it.each(['RS256', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'])('takes one for %s', async (alg) => {
    issuer.fault = {
      status: 200,
      body: JSON.stringify({ keys: [(await issuer.createKey('one', alg)).jwk] }),
    };
    expect(await judgeKeys()).toEqual({
      check: 'jwks',
      status: 'ok',
      reason: "Of the issuer's keys, 1 of 1 can be used.",
    });
  });

  it('names a set without a usable one', async () => {
    const { jwk } = await issuer.createKey('one');
    const useless = [
      { ...jwk, use: 'enc' },
      { ...jwk, alg: 'HS256' },
      { ...jwk, key_ops: ['sign'] },
      { ...jwk, d: 'private' },
      { ...jwk, n: 'AQAB' },
      { kty: 'oct', k: 'c2VjcmV0' },
      { kty: 'EC', crv: 'secp256k1', x: 'AQ', y: 'AQ' },
    ];
    for (const key of useless)
      expect(await judgeBody(JSON.stringify({ keys: [key] }))).toMatch(/^No usable key: of 1 published, /);
    expect(await judgeBody('{"keys": []}')).toMatch(/^No usable key: of 0 published, /);
  });

  it('names what is no key set', async () => {
    for (const body of ['<html></html>', '[]', '{}', '{"keys": {}}', '{"keys": [1]}']) {
      expect(await judgeBody(body)).toBe('What the issuer answers is no key set.');
    }
    issuer.fault = { status: 404 };
    expect((await judgeKeys())?.reason).toBe('The issuer answers 404 in place of its keys.');
    issuer.fault = { status: 301, headers: { location: 'https://issuer.example.com/elsewhere?session=1' } };
    expect((await judgeKeys())?.reason).toBe(
      'Redirect: the issuer answers 301 to https://issuer.example.com/elsewhere, which the gateway does not follow.',
    );
  });

  it('names an issuer that cannot be reached', async () => {
    const port = await findFreePort();
    const environment = { ...issuer.environment(), JWT_JWKS_URL: `http://127.0.0.1:${port}/keys` };
    expect(await find('jwks', environment)).toEqual(
      problemOf(
        'jwks',
        `Connection refused: nothing listens at 127.0.0.1:${port}, or a firewall refuses (ECONNREFUSED).`,
        'Mend host and port in JWT_JWKS_URL; if they are right, see that what should listen there runs.',
      ),
    );
    issuer.fault = { status: 0 };
    expect((await judgeKeys())?.reason).toMatch(/^Connection lost: .* \(ECONNRESET\)\.$/);
  });
});

describe('the doctor, of a Redis that is not there,', () => {
  it('says so', async () => {
    const port = await findFreePort();
    expect(await find('redis', { REDIS_URL: `redis://:${redisPassword}@127.0.0.1:${port}` })).toEqual(
      problemOf(
        'redis',
        `Connection refused: nothing listens where Redis should (connect ECONNREFUSED 127.0.0.1:${port}).`,
        'Start Redis, or mend host and port in REDIS_URL. Until then each replica keeps a cache of its own.',
      ),
    );
  });

  it('names a DNS failure', async () => {
    expect((await find('redis', { REDIS_URL: 'redis://redis.invalid' }))?.reason).toMatch(
      /^DNS failure: the host of Redis is not known \(getaddrinfo (ENOTFOUND|EAI_AGAIN) redis\.invalid\)\.$/,
    );
  }, 20_000);

  it('names one that is too slow for the gateway', async () => {
    const port = await listen(
      createSocketServer((socket) => {
        socket
          .on('error', () => {})
          .on('data', (commands) => {
            for (const [name] of String(commands).matchAll(/HELLO|CLIENT/g))
              if (name) socket.write('+OK\r\n');
          });
      }),
    );
    expect(await find('redis', { REDIS_URL: `redis://127.0.0.1:${port}` })).toEqual(
      problemOf(
        'redis',
        'Redis is too slow for the gateway, which then does without it (Redis gave no answer within 50 ms).',
        expect.stringMatching(/^Bring it nearer/),
      ),
    );
  });

  it('names one that hangs up', async () => {
    const port = await listen(createSocketServer((socket) => void socket.on('error', () => {}).end()));
    expect((await find('redis', { REDIS_URL: `redis://127.0.0.1:${port}` }))?.reason).toMatch(
      /^Connection lost: Redis closed it, or it is no Redis /,
    );
  });

  it('names a server that speaks no TLS', async () => {
    const { port } = new URL(simulated);
    expect((await find('redis', { REDIS_URL: `rediss://127.0.0.1:${port}` }))?.reason).toMatch(
      /^TLS failure: /,
    );
  });
});

describeWithRedis('the doctor, of a Redis,', { own: true }, (redis) => {
  it('tells how quickly it answers', async () => {
    expect(await find('redis', { REDIS_URL: redis.url })).toEqual({
      check: 'redis',
      status: 'ok',
      reason: expect.stringMatching(/^Redis answers PING in \d+\.\d ms\.$/),
    });
  });

  it('names a missing or wrong password', async () => {
    const { hostname, port } = new URL(redis.url);
    const socket = connect(Number(port), hostname);
    socket.end(`CONFIG SET requirepass another-password\r\n`);
    await once(socket.resume(), 'close');
    for (const user of ['', `:${redisPassword}@`]) {
      expect(await find('redis', { REDIS_URL: `redis://${user}${hostname}:${port}` })).toEqual(
        problemOf(
          'redis',
          expect.stringMatching(/^Redis refuses the password \((NOAUTH|WRONGPASS) .+\)\.$/),
          'Mend user and password in REDIS_URL. Until then each replica keeps a cache of its own.',
        ),
      );
    }
  });
});
