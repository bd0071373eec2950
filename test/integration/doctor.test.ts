import { createServer, type RequestListener } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { createServer as createSocketServer, type Socket } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Finding } from '../../src/cli/doctorAdvice.ts';
import { checkClock, listDrift, runChecks } from '../../src/cli/doctorChecks.ts';
import { systemClock } from '../../src/clock.ts';
import { decodeTotal } from '../../src/zenskar/totalBody.ts';
import { createCertificate } from '../support/certificate.ts';
import { useDoctorServers } from '../support/doctorServers.ts';
import { findFreePort } from '../support/freePort.ts';
import { apiKey, customer, customerOf, entitlement, organisation } from '../support/ids.ts';
import { useIssuer } from '../support/issuer.ts';

type Check = Finding['check'];
type Environment = Readonly<Record<string, string>>;

const servers = useDoctorServers();

const redisPassword = 'redis-password-0123456789';
const secrets = [apiKey, organisation, redisPassword];
const credentials = { ZENSKAR_API_KEY: apiKey, ZENSKAR_ORGANISATION: organisation };
const real = { entitlementId: entitlement, customerId: customer };

const readNothing = () => {
  throw new Error('There are no files.');
};

/** The findings. The report never contains a secret or an unfilled placeholder. */
async function findAll(environment: Environment, ids?: typeof real, sent: Environment = credentials) {
  const report = await runChecks({
    environment: { ZENSKAR_URL: servers.simulated, ...sent, ...environment },
    readFile: readNothing,
    ids,
    clock: systemClock,
  });
  for (const secret of secrets) expect(JSON.stringify(report)).not.toContain(secret);
  expect(JSON.stringify(report)).not.toMatch(/\{\w+\}/);
  return report.findings;
}

async function find(check: Check, environment: Environment, ids?: typeof real): Promise<Finding | undefined> {
  return (await findAll(environment, ids)).find((finding) => finding.check === check);
}

/** Starts a server instead of Zenskar; returns its base URL. */
async function serve(listener: RequestListener): Promise<string> {
  const server = createServer({ keepAlive: false }, (request, response) => {
    listener(request, response.setHeader('connection', 'close'));
  });
  return `http://127.0.0.1:${await servers.listen(server)}`;
}

/** Starts a server that gives the same response to every request. */
function serveAlways(status: number, body: string, headers: Readonly<Record<string, string>> = {}) {
  return serve((_, response) => response.writeHead(status, headers).end(body));
}

/** Starts a TCP server; returns its port. */
function serveSocket(onSocket: (socket: Socket) => void): Promise<number> {
  return servers.listen(createSocketServer((socket) => onSocket(socket.on('error', () => {}))));
}

function findUpstream(url: string, ids?: typeof real) {
  return find('upstream', { ZENSKAR_URL: url }, ids);
}

/** The finding for a behaviour of the simulator. */
function findUpstreamOf(code: string) {
  return findUpstream(servers.simulated, { entitlementId: entitlement, customerId: customerOf(code) });
}

function problemOf(check: Check, reason: unknown, next: unknown) {
  return { check, status: 'problem', reason, next };
}

/** A problem of the upstream. */
function problemLike(reason: RegExp, next: RegExp) {
  return problemOf('upstream', expect.stringMatching(reason), expect.stringMatching(next));
}

describe('doctor, configuration check', () => {
  it('names variables whose values the gateway ignores, and still checks the services', async () => {
    const [first, second, ...others] = await findAll({
      OTEL_TRACES_EXPORTER: 'otlp,console',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4317',
    });
    const next = 'Correct it, or leave it out if it is meant for another program.';
    expect([first, second]).toEqual([
      {
        check: 'configuration',
        status: 'warning',
        reason: 'OTEL_TRACES_EXPORTER is "otlp,console"; expected otlp or none. The value is ignored.',
        next,
      },
      {
        check: 'configuration',
        status: 'warning',
        reason:
          'OTEL_EXPORTER_OTLP_ENDPOINT has a value that is not shown here; expected an http or https URL without credentials, query or fragment. The value is ignored.',
        next,
      },
    ]);
    expect(others.map(({ check, status }) => [check, status])).toEqual([
      ['redis', 'skipped'],
      ['jwks', 'skipped'],
      ['upstream', 'ok'],
      ['clock', 'ok'],
      ['connections', 'ok'],
    ]);
  });
});

describe('doctor, faults of env files and platforms', () => {
  it('names quotes around values and service links of Kubernetes', async () => {
    const quoted = await find('configuration', { ZENSKAR_API_KEY: `"${apiKey}"` });
    expect(quoted).toEqual(
      problemOf(
        'configuration',
        'ZENSKAR_API_KEY has quotes around its value; expected the value alone: `docker --env-file` and Kubernetes take quotes as a part of it.',
        'Correct it. Until then the gateway does not start.',
      ),
    );
    expect(await find('configuration', { ADMIN_PORT: 'tcp://10.0.0.1:4001' })).toEqual({
      check: 'configuration',
      status: 'warning',
      reason:
        'ADMIN_PORT is "tcp://10.0.0.1:4001", a service link of Kubernetes; expected a port. The value is ignored.',
      next: 'Correct it, or leave it out if it is meant for another program.',
    });
  });

  it.each([
    ['ZENSKAR_URL', 'https://me:mellon@api.zenskar.com'],
    ['ZENSKAR_URL', 'https://api.zenskar.com/?key=mellon'],
    ['JWT_JWKS_URL', 'https://me:mellon@issuer.example/keys'],
    ['REDIS_URL', 'redis://cache?password=mellon'],
    ['HTTPS_PROXY', 'socks5://me:mellon@proxy:1080'],
  ])('names %s with a value that it does not print', async (name, value) => {
    const findings = await findAll({ AUTH_MODE: 'none', [name]: value });
    expect(findings[0]).toMatchObject({
      check: 'configuration',
      status: 'problem',
      reason: expect.stringMatching(`^${name} has a value that is not shown here; expected .* URL`),
    });
    expect(JSON.stringify(findings)).not.toContain('mellon');
  });
});

describe('doctor, upstream check', () => {
  it('reports no problem when Zenskar answers with a valid total', async () => {
    expect(await findAll({}, real)).toEqual([
      { check: 'configuration', status: 'ok', reason: 'All variables are valid.' },
      {
        check: 'redis',
        status: 'skipped',
        reason: 'REDIS_URL is not set; each replica has its own cache.',
        next: 'Set REDIS_URL to share one.',
      },
      {
        check: 'jwks',
        status: 'skipped',
        reason: 'AUTH_MODE=none uses no tokens.',
        next: 'Set AUTH_MODE=jwt to use them.',
      },
      {
        check: 'upstream',
        status: 'ok',
        reason: expect.stringMatching(/^Zenskar answered in \d+ ms with a valid total\.$/),
      },
      {
        check: 'clock',
        status: 'ok',
        reason: expect.stringMatching(
          /^The clock is within \d\.\d s \(give or take \d\.\d s\) of Zenskar's\.$/,
        ),
      },
      {
        check: 'connections',
        status: 'ok',
        reason:
          'Idle connections of clients stay open for 65 s, longer than those of an AWS load balancer (60 s by default).',
        next: expect.stringMatching(/620000 for Google, 3660000 for Envoy/),
      },
    ]);
  });

  it.each(['got', 'undici'])(
    'sends one request with the headers that the gateway sends, with %s',
    async (transport) => {
      servers.simulator.state.requestHeaders.length = 0;
      await find('upstream', { UPSTREAM_TRANSPORT: transport }, real);
      expect(servers.simulator.state.requestHeaders).toEqual([
        {
          host: new URL(servers.simulated).host,
          accept: 'application/json',
          'accept-encoding': 'identity',
          'user-agent': expect.stringContaining('zenskar-graphql-gateway/'),
          'x-api-key': apiKey,
          organisation,
          'x-request-id': expect.stringMatching(/^doctor-/),
          connection: 'keep-alive',
        },
      ]);
    },
  );

  it('requests a total that need not exist if no ids are given', async () => {
    const good = (reason: string) => ({
      check: 'upstream',
      status: 'ok',
      reason: expect.stringContaining(reason),
      next: 'To check a real total as well, add -- --entitlement UUID --customer UUID.',
    });
    expect(await findUpstream(servers.simulated)).toEqual(good('with a valid total for the probe.'));
    const accepted = 'It accepted the credentials but does not know the ids of the probe.';
    const unknown = await serveAlways(404, '{"detail": "Entitlement not found"}');
    expect(await findUpstream(unknown)).toEqual(good(accepted));
    const rejected = await serveAlways(400, '{"detail": "No such entitlement"}');
    expect(await findUpstream(rejected)).toEqual(good(accepted));
  });

  it.each([
    [
      'a wrong key',
      '0401',
      problemLike(
        /^Wrong key, most likely: status 401 with the message "Unauthorized"\.$/,
        /^Compare ZENSKAR_API_KEY /,
      ),
    ],
    [
      'a wrong organisation',
      '0403',
      problemLike(
        /^Wrong organisation, most likely: status 403 with .*explicit deny"\.$/,
        /^Compare ZENSKAR_ORGANISATION /,
      ),
    ],
    [
      'a wrong organisation',
      '3422',
      problemLike(/^Wrong organisation, most likely: status 422\.$/, /^Compare ZENSKAR_ORGANISATION /),
    ],
    [
      'unknown ids',
      '0404',
      problemLike(
        /^Unknown entitlement or customer: status 404 .* organisation may be wrong\.$/,
        /^Check that both ids /,
      ),
    ],
    [
      'rejected arguments',
      '0422',
      problemLike(
        /^Zenskar rejects the arguments: status 422\. Key and organisation are accepted\.$/,
        /^Check the ids/,
      ),
    ],
    [
      'rejected arguments',
      '2422',
      problemLike(
        /^Zenskar rejects the arguments: status 422 with the message "The window is too long"\./,
        /^Check the ids/,
      ),
    ],
    [
      'a rejected call',
      '0400',
      problemLike(
        /^Zenskar rejects the call: status 400 with the message "The entitlement has no such window"\./,
        /^Check that the entitlement/,
      ),
    ],
    [
      'a rate limit',
      '0429',
      problemLike(/^Rate limit of Zenskar exceeded: status 429/, /^Run this again in a minute/),
    ],
    [
      'a failing Zenskar',
      '9500',
      problemLike(/^Zenskar fails: status 500\.$/, /^Run this again in a minute/),
    ],
    [
      'a failing Zenskar',
      '0503',
      problemLike(
        /^Zenskar fails: status 503 with the message "Service Unavailable"\.$/,
        /^Run this again in a minute/,
      ),
    ],
    [
      'a lost connection',
      '8888',
      problemLike(
        /^Connection lost: 127\.0\.0\.1:\d+ closed it before .* \(ECONNRESET\)\.$/,
        /^Check scheme and port in ZENSKAR_URL/,
      ),
    ],
  ])('reports %s (customer %s of the simulator)', async (_, code, problem) => {
    expect(await findUpstreamOf(code)).toEqual(problem);
  });

  it.each([
    [
      '{"message": "Forbidden"}',
      403,
      problemLike(/^Wrong key, most likely: .*"Forbidden"\.$/, /^Compare ZENSKAR_API_KEY/),
    ],
    [
      '{"detail": [{"loc": ["header", "x_api_key"]}]}',
      422,
      problemLike(/^Wrong key, most likely/, /^Compare ZENSKAR_API_KEY/),
    ],
    [
      '{"detail": [{"loc": ["header", "apiversion"]}]}',
      422,
      problemLike(/^Wrong API version: /, /^Correct ZENSKAR_API_VERSION/),
    ],
    ['{"detail": [{"loc": ["header", "x-new"]}]}', 422, problemLike(/^Missing header: /, /API reference/)],
    [
      '{"message": "what?"}',
      418,
      problemLike(/^Unexpected status 418 with the message "what\?"\.$/, /^Correct ZENSKAR_URL/),
    ],
  ])('explains the response %s with status %d', async (body, status, problem) => {
    expect(await findUpstream(await serveAlways(status, body), real)).toEqual(problem);
  });

  it('reports a wrong base URL', async () => {
    const page = await serveAlways(200, '<!doctype html><title>Hello</title>', {
      'content-type': 'text/html',
    });
    const noRoute = await serveAlways(404, '{"detail": "Not Found"}');
    const reasons = [];
    for (const url of [page, noRoute, `${servers.simulated}/v2`]) {
      const finding = await findUpstream(url, real);
      expect(finding?.next).toMatch(/^Correct ZENSKAR_URL, /);
      reasons.push(finding?.reason);
    }
    expect(reasons).toEqual([
      'Wrong base URL: status 200 with a web page.',
      'Wrong base URL: status 404 with the message "Not Found".',
      'Wrong base URL: status 403 with the message "Missing Authentication Token".',
    ]);
  });

  it.each([
    [404, 'default backend - 404'],
    [404, ''],
    [403, '<html><h1>403 Forbidden</h1></html>'],
    [401, '<html><h1>401 Authorization Required</h1></html>'],
    [400, '<html>The plain HTTP request was sent to HTTPS port</html>'],
  ])(
    'reports a %i that is the page of an ingress or firewall, not the word of Zenskar: %j',
    async (...args) => {
      const [status, body] = args;
      const expected = problemOf(
        'upstream',
        `Error page: status ${status} without a JSON object, so an ingress, load balancer or firewall answered instead of Zenskar.`,
        'Check ZENSKAR_URL, which must not contain a path of the API. Example: https://api.zenskar.com. If it is correct, Zenskar or a proxy on the way has a fault.',
      );
      const url = await serveAlways(status, body);
      expect(await findUpstream(url, real)).toEqual(expected);
      const environment = { AUTH_MODE: 'passthrough', ZENSKAR_URL: url };
      expect((await findAll(environment, undefined, {}))[3]).toEqual(expected);
    },
  );

  it('reports a 408', async () => {
    const finding = await findUpstream(await serveAlways(408, ''), real);
    expect(finding?.reason).toMatch(/^Timeout: .* \(status 408\)\.$/);
  });

  it('reports a redirect and its target, and does not follow it', async () => {
    const url = await serve((request, response) =>
      response.writeHead(308, { location: `https://elsewhere.example.com/base${request.url}` }).end(),
    );
    expect(await findUpstream(url, real)).toEqual(
      problemOf(
        'upstream',
        `Redirect: status 308 to https://elsewhere.example.com/base/entitlements/${entitlement}/customer/${customer}/total. The gateway follows no redirect, so that no other host gets the key.`,
        "If that is Zenskar's API, set ZENSKAR_URL to the part before /entitlements. Otherwise correct ZENSKAR_URL.",
      ),
    );
    const login = await serveAlways(302, '', { location: '/login?next=everything' });
    expect((await findUpstream(login, real))?.reason).toMatch(`Redirect: status 302 to ${login}/login. `);
    const password = await serveAlways(302, '', {
      location: 'https://user:pass-word@elsewhere.example.com/',
    });
    expect((await findUpstream(password, real))?.reason).toMatch('to https://elsewhere.example.com/. ');
    const nowhere = await serveAlways(304, '');
    expect((await findUpstream(nowhere, real))?.reason).toMatch('status 304 to no location. ');
  });

  it('reports a host name that cannot be resolved', async () => {
    const environment = { ZENSKAR_URL: 'https://zenskar.invalid', UPSTREAM_ATTEMPT_TIMEOUT_MS: '15000' };
    expect(await find('upstream', environment)).toEqual(
      problemOf(
        'upstream',
        expect.stringMatching(
          /^DNS failure: the host of zenskar\.invalid:443 cannot be resolved \((ENOTFOUND|EAI_AGAIN)\)\.$/,
        ),
        'Correct the host in ZENSKAR_URL. If it is correct, check the name servers of this machine.',
      ),
    );
  }, 20_000);

  it.each(['got', 'undici'])('reports a refused connection with %s', async (transport) => {
    const port = await findFreePort();
    const environment = { ZENSKAR_URL: `http://127.0.0.1:${port}`, UPSTREAM_TRANSPORT: transport };
    expect(await find('upstream', environment)).toEqual(
      problemOf(
        'upstream',
        `Connection refused: no service listens at 127.0.0.1:${port} (ECONNREFUSED).`,
        'Correct host and port in ZENSKAR_URL. If they are correct, start the service there.',
      ),
    );
  });

  it.each(['got', 'undici'])('reports an untrusted certificate with %s', async (transport) => {
    const port = await servers.listen(createSecureServer(createCertificate()));
    const environment = { ZENSKAR_URL: `https://127.0.0.1:${port}`, UPSTREAM_TRANSPORT: transport };
    expect(await find('upstream', environment)).toEqual(
      problemOf(
        'upstream',
        `TLS failure: this machine does not trust the certificate of 127.0.0.1:${port} (DEPTH_ZERO_SELF_SIGNED_CERT).`,
        expect.stringContaining('NODE_EXTRA_CA_CERTS=FILE'),
      ),
    );
  });

  it('reports a server without TLS behind an https URL', async () => {
    expect(await findUpstream(servers.simulated.replace('http:', 'https:'))).toEqual(
      problemOf(
        'upstream',
        expect.stringMatching(/^TLS failure: no TLS connection to 127\.0\.0\.1:\d+ \(\w+\)\.$/),
        'Check scheme and port in ZENSKAR_URL: the server may expect another protocol.',
      ),
    );
  });

  it('reports a timeout before the response, during the response and during the TLS handshake', async () => {
    const limit = { UPSTREAM_ATTEMPT_TIMEOUT_MS: '100' };
    const silent = { entitlementId: entitlement, customerId: customerOf('9999') };
    expect(await find('upstream', limit, silent)).toEqual(
      problemOf(
        'upstream',
        expect.stringMatching(/^Timeout: no complete response from 127\.0\.0\.1:\d+ within 100 ms\.$/),
        'Check the name servers and the firewall of this machine, and scheme and port in ZENSKAR_URL. If the service is always this slow, raise UPSTREAM_ATTEMPT_TIMEOUT_MS.',
      ),
    );
    const endless = await serve((_, response) => response.writeHead(200).write('{'));
    expect((await find('upstream', { ...limit, ZENSKAR_URL: endless }))?.reason).toMatch(/^Timeout: /);
    const port = await serveSocket((socket) => socket.resume());
    const environment = { ...limit, ZENSKAR_URL: `https://127.0.0.1:${port}` };
    expect((await find('upstream', environment))?.reason).toMatch(/^Timeout: /);
  });

  it('reports a response that is not HTTP', async () => {
    const port = await serveSocket((socket) => socket.end('220 hello\r\n'));
    expect((await findUpstream(`http://127.0.0.1:${port}`))?.reason).toMatch(
      /^The response from 127\.0\.0\.1:\d+ is not HTTP \(HPE_\w+\)\.$/,
    );
  });

  it('reports a response that is too large to be a total', async () => {
    const url = await serveAlways(200, 'x'.repeat(100_000));
    expect((await findUpstream(url))?.reason).toBe('The response is far larger than a total.');
  });

  it('redacts secrets that a response repeats, and removes control characters', async () => {
    const url = await serve(({ headers }, response) =>
      response.writeHead(403).end(JSON.stringify({ message: `\u001b[2JNo ${headers['x-api-key']} here` })),
    );
    expect((await findUpstream(url))?.reason).toBe(
      'Wrong key, most likely: status 403 with the message " [2JNo (secret) here".',
    );
    const redirect = await serve(({ headers }, response) =>
      response.writeHead(302, { location: `/login/${headers['x-api-key']}` }).end(),
    );
    expect((await findUpstream(redirect))?.reason).toContain('/login/(secret). ');
  });

  it('redacts a secret at the place where a message is cut, and a secret that JSON escapes', async () => {
    const message = 'x'.repeat(190);
    const cut = await serve(({ headers }, response) =>
      response.writeHead(403).end(JSON.stringify({ message: `${message}${headers['x-api-key']}` })),
    );
    expect((await findUpstream(cut))?.reason).toBe(
      `Wrong key, most likely: status 403 with the message "${message}(secret)".`,
    );
    const escaped = 'a\\key"in-quotes';
    const field = await serve(({ headers }, response) =>
      response.end(JSON.stringify({ [`no ${headers['x-api-key']}`]: 1 })),
    );
    const report = JSON.stringify(await findAll({ ZENSKAR_URL: field, ZENSKAR_API_KEY: escaped }));
    expect(report).toContain('unknown field \\"no (secret)\\"');
  });

  it('accepts rejected credentials with AUTH_MODE=passthrough, because callers send their own', async () => {
    const environment = { AUTH_MODE: 'passthrough' };
    expect((await findAll(environment, undefined, {}))[3]).toEqual({
      check: 'upstream',
      status: 'ok',
      reason: expect.stringMatching(/ms and rejected a call without credentials, as it should\.$/),
      next: 'To check a real total, set ZENSKAR_API_KEY and ZENSKAR_ORGANISATION for this command only.',
    });
    const wrongUrl = { ...environment, ZENSKAR_URL: `${servers.simulated}/v2` };
    expect((await findAll(wrongUrl, undefined, {}))[3]?.reason).toMatch(/^Wrong base URL: /);
    const ids = { entitlementId: entitlement, customerId: customerOf('0403') };
    expect((await find('upstream', environment, ids))?.reason).toMatch(/^Wrong organisation/);
  });
});

describe('doctor, contract of a total', () => {
  const total = { entitlement, customer, quantity: 1 };
  const parameters = { entitlementId: entitlement, customerId: customer, startDate: null, endDate: null };

  it('names fields that are unknown, missing or of the wrong type', async () => {
    const { customer: _, ...changed } = { ...total, quantity: [1], unit: 'calls' };
    const url = await serveAlways(200, JSON.stringify(changed));
    expect(await findUpstream(url, real)).toEqual(
      problemOf(
        'upstream',
        'Contract drift: unknown field "unit"; Invalid input: expected string, received undefined → at customer; Invalid input → at quantity.',
        "Compare with Zenskar's current API reference. Unknown fields, a missing quantity and inexact numbers do no harm; other drift fails the total.",
      ),
    );
  });

  it('doubts the base URL when the response has no field of a total', async () => {
    const url = await serveAlways(200, '{"hello": "world"}');
    expect(await findUpstream(url, real)).toEqual(
      problemOf(
        'upstream',
        expect.stringMatching(/^Contract drift: unknown field "hello"; .* No field belongs to a total\.$/),
        expect.stringMatching(/^Correct ZENSKAR_URL, /),
      ),
    );
  });

  it('names ten unknown fields and counts the rest', () => {
    const fields = Object.fromEntries(Array.from({ length: 12 }, (_, n) => [`field${n}`, n]));
    expect(listDrift(JSON.stringify({ ...total, ...fields }), parameters)).toEqual([
      ...Array.from({ length: 10 }, (_, n) => `unknown field "field${n}"`),
      '2 more unknown fields',
    ]);
  });

  it.each([
    ['5200', 'the body is not JSON'],
    ['6200', 'Invalid input → at quantity'],
    ['7200', 'the answer is about another entitlement or customer'],
  ])('reports the drift of customer %s of the simulator', async (code, drift) => {
    expect((await findUpstreamOf(code))?.reason).toBe(`Contract drift: ${drift}.`);
  });

  it.each(['0200', '1200', '2200', '3200', '4200'])(
    'accepts the unusual total of customer %s of the simulator',
    async (code) => {
      expect(await findUpstreamOf(code)).toMatchObject({ status: 'ok' });
    },
  );

  it('reports drift exactly when the gateway rejects the body, unknown fields aside', () => {
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
        const drift = listDrift(text, parameters).filter((problem) => !/unknown field/.test(problem));
        expect(drift.length === 0).toBe(decodeTotal(text, parameters).ok);
      }),
    );
  });
});

describe('doctor, clock check', () => {
  const date = 'Tue, 06 Jan 2026 10:00:00 GMT';
  const at = (offsetMs: number, durationMs = 0) => {
    const sentMs = Date.parse(date) + offsetMs - durationMs / 2;
    return checkClock({ date, sentMs, receivedMs: sentMs + durationMs });
  };

  it('reports a skew of more than 30 s', async () => {
    const late = await serveAlways(200, '{}', { date: new Date(Date.now() - 60_000).toUTCString() });
    expect(await find('clock', { ZENSKAR_URL: late })).toEqual(
      problemOf(
        'clock',
        expect.stringMatching(
          /^The clock of this machine is (59|60)\.\d s \(give or take 0\.\d s\) ahead of Zenskar's\.$/,
        ),
        'Synchronise it with a time server (NTP): the gateway verifies tokens and sets `asOf` by it.',
      ),
    );
    const early = await serveAlways(503, '', { date: new Date(Date.now() + 60_000).toUTCString() });
    expect((await find('clock', { ZENSKAR_URL: early }))?.reason).toMatch(/ behind Zenskar's\.$/);
  });

  it('tolerates the resolution of the date header and half of the round trip', () => {
    expect(at(31_000)).toMatchObject({ status: 'ok' });
    expect(at(31_001)).toMatchObject({ status: 'problem' });
    expect(at(-30_000)).toMatchObject({ status: 'ok' });
    expect(at(-30_001)).toMatchObject({ status: 'problem' });
    expect(at(31_500, 1000)).toMatchObject({ status: 'ok' });
    expect(at(31_501, 1000)).toMatchObject({ status: 'problem' });
  });

  it('is skipped without a response or a date', async () => {
    const port = await findFreePort();
    expect(await find('clock', { ZENSKAR_URL: `http://127.0.0.1:${port}` })).toEqual({
      check: 'clock',
      status: 'skipped',
      reason: 'There is no response with a date.',
      next: 'Solve the upstream problem first.',
    });
    expect(checkClock({ date: undefined, sentMs: 0, receivedMs: 1 })).toEqual({
      check: 'clock',
      status: 'skipped',
      reason: 'The response has no date.',
      next: 'Check the clock of this machine by other means.',
    });
  });
});

describe('doctor, connections check', () => {
  it.each(['1000', '5000', '60000'])(
    'reports an HTTP_KEEP_ALIVE_TIMEOUT_MS of %s, which no load balancer outlasts',
    async (timeoutMs) => {
      expect(await find('connections', { HTTP_KEEP_ALIVE_TIMEOUT_MS: timeoutMs })).toEqual(
        problemOf(
          'connections',
          `Idle connections of clients are closed after ${Number(timeoutMs) / 1000} s. Load balancers reuse them for 60 s or more, and then requests fail.`,
          expect.stringMatching(/^Set HTTP_KEEP_ALIVE_TIMEOUT_MS above .* 65000 for AWS/),
        ),
      );
    },
  );

  it.each(['60001', '620000', '3660000'])(
    'accepts an HTTP_KEEP_ALIVE_TIMEOUT_MS of %s',
    async (timeoutMs) => {
      const { status } = { ...(await find('connections', { HTTP_KEEP_ALIVE_TIMEOUT_MS: timeoutMs })) };
      expect(status).toBe('ok');
    },
  );
});

describe('doctor, key set check', () => {
  const issuer = useIssuer();
  const findKeySet = () => find('jwks', issuer.environment());
  const reasonForBody = async (body: string) => {
    issuer.fault = { status: 200, body };
    return (await findKeySet())?.reason;
  };

  it.each(['RS256', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'])('accepts a key for %s', async (alg) => {
    const { jwk } = await issuer.createKey('one', alg);
    expect(await reasonForBody(JSON.stringify({ keys: [jwk] }))).toMatch(
      new RegExp(`^The issuer publishes keys for ${alg}(, Ed25519)?\\.$`),
    );
  });

  it('accepts several keys for one algorithm if one of them is usable', async () => {
    const { jwk } = await issuer.createKey('one');
    const small = { ...jwk, kid: 'small', n: 'AQAB' };
    expect(await reasonForBody(JSON.stringify({ keys: [small, jwk] }))).toBe(
      'The issuer publishes keys for RS256.',
    );
    expect(await reasonForBody(JSON.stringify({ keys: [small, small] }))).toMatch(
      /^The issuer publishes no usable key/,
    );
  });

  it('says how tokens are verified if keys have no key id of their own', async () => {
    const { jwk } = await issuer.createKey('one');
    issuer.fault = { status: 200, body: JSON.stringify({ keys: [jwk, jwk] }) };
    expect(await findKeySet()).toEqual({
      check: 'jwks',
      status: 'ok',
      reason: 'The issuer publishes keys for RS256. 2 of its keys have no key id of their own.',
      next: 'Tokens without a key id are tried with each key of their type, up to 10.',
    });
  });

  it('reports more keys without a key id of their own than a token is tried with', async () => {
    const { jwk } = await issuer.createKey('one');
    const keys = Array.from({ length: 11 }, () => ({ ...jwk, kid: undefined }));
    issuer.fault = { status: 200, body: JSON.stringify({ keys }) };
    expect(await findKeySet()).toEqual(
      problemOf(
        'jwks',
        'The issuer publishes 11 keys without a key id of their own. A token is tried with up to 10 keys of its type.',
        'Configure the issuer to give each key a key id (kid) and to name it in the header of tokens.',
      ),
    );
  });

  it('reports an empty audience and a claim name that finds nothing', async () => {
    const environment = { ...issuer.environment(), JWT_AUDIENCE: 'totals,', JWT_CUSTOMER_CLAIM: '__proto__' };
    const reasons = (await findAll(environment)).map(({ reason }) => reason);
    expect(reasons).toEqual(
      expect.arrayContaining([
        'JWT_AUDIENCE is "totals,"; expected audiences, separated by commas.',
        'JWT_CUSTOMER_CLAIM is "__proto__"; expected the name of a claim, or a path of names separated by dots.',
      ]),
    );
  });

  it('reports a key set without a usable key', async () => {
    const { jwk } = await issuer.createKey('one');
    const unusable = [
      { ...jwk, use: 'enc' },
      { ...jwk, alg: 'HS256' },
      { ...jwk, key_ops: ['sign'] },
      { ...jwk, d: 'private' },
      { ...jwk, n: 'AQAB' },
      { kty: 'oct', k: 'c2VjcmV0' },
      { kty: 'EC', crv: 'secp256k1', x: 'AQ', y: 'AQ' },
    ];
    for (const key of unusable)
      expect(await reasonForBody(JSON.stringify({ keys: [key] }))).toMatch(
        /^The issuer publishes no usable key: /,
      );
    expect(await reasonForBody('{"keys": []}')).toMatch(/^The issuer publishes no usable key: /);
  });

  it('reports a response that is no key set, another status and a redirect', async () => {
    for (const body of ['<html></html>', '[]', '{}', '{"keys": {}}', '{"keys": [1]}']) {
      expect(await reasonForBody(body)).toMatch(
        /^The issuer does not answer with a JSON Web Key Set and status 200 /,
      );
    }
    issuer.fault = { status: 404 };
    const finding = problemOf(
      'jwks',
      expect.stringMatching(
        /^The issuer does not answer with a JSON Web Key Set and status 200 \(Expected 200 OK /,
      ),
      expect.stringMatching(/^Correct JWT_JWKS_URL: .* The gateway follows no redirect\.$/),
    );
    expect(await findKeySet()).toEqual(finding);
    issuer.fault = { status: 301, headers: { location: 'https://issuer.example.com/elsewhere?session=1' } };
    expect(await findKeySet()).toEqual(finding);
  });

  it('reports an issuer that cannot be reached', async () => {
    const port = await findFreePort();
    const environment = { ...issuer.environment(), JWT_JWKS_URL: `http://127.0.0.1:${port}/keys` };
    expect(await find('jwks', environment)).toEqual(
      problemOf(
        'jwks',
        `Connection refused: no service listens at 127.0.0.1:${port} (fetch failed: connect ECONNREFUSED 127.0.0.1:${port}).`,
        'Correct host and port in JWT_JWKS_URL. If they are correct, start the service there.',
      ),
    );
    issuer.fault = { status: 0 };
    expect((await findKeySet())?.reason).toMatch(
      /^Connection lost: .* \(fetch failed: other side closed\)\.$/,
    );
  });

  it('reports an issuer with an untrusted certificate', async () => {
    const port = await servers.listen(createSecureServer(createCertificate()));
    const environment = { ...issuer.environment(), JWT_JWKS_URL: `https://127.0.0.1:${port}/keys` };
    expect((await find('jwks', environment))?.reason).toMatch(
      /^TLS failure: this machine does not trust the certificate of 127\.0\.0\.1:\d+ /,
    );
  });
});
