import { type Row, redisProblems, redisWarnings } from './doctorRedisAdvice.ts';

type Check = 'configuration' | 'redis' | 'jwks' | 'upstream' | 'clock' | 'connections';
type Status = 'ok' | 'skipped' | 'warning' | 'problem';

/** One line of the report; `next` says what to do. */
export type Finding = { check: Check; status: Status; reason: string; next?: string };

/** Values for the `{placeholders}` of the table. `call` says more about the call that the check made. */
export type Facts = Readonly<Record<string, string | number | undefined>>;

const advice = {
  balancers:
    'Raise HTTP_KEEP_ALIVE_TIMEOUT_MS behind a load balancer with a longer idle timeout: 620000 for Google, 3660000 for Envoy.',
  ids: 'To check a real total as well, add -- --entitlement UUID --customer UUID.',
  key: "Compare ZENSKAR_API_KEY with the keys in Zenskar's settings; a sandbox has its own. Then check ZENSKAR_ORGANISATION.",
  organisation:
    'Compare ZENSKAR_ORGANISATION with the id of the organisation that the key belongs to. Then check ZENSKAR_API_KEY.',
  url: 'Correct ZENSKAR_URL, which must not contain a path of the API. Example: https://api.zenskar.com. If it is correct, a proxy answers instead of Zenskar.',
  page: 'Check ZENSKAR_URL, which must not contain a path of the API. Example: https://api.zenskar.com. If it is correct, Zenskar or a proxy on the way has a fault.',
  reference:
    "Compare with Zenskar's current API reference. Unknown fields, a missing quantity and inexact numbers do no harm; other drift fails the total.",
  server: 'Correct host and port in {variable}. If they are correct, start the service there.',
  dns: 'Correct the host in {variable}. If it is correct, check the name servers of this machine.',
  trust: 'If a proxy of yours signs it, set NODE_EXTRA_CA_CERTS=FILE, here and for the gateway.',
  scheme: 'Check scheme and port in {variable}: the server may expect another protocol.',
  network: 'Check the name servers and the firewall of this machine, and scheme and port in {variable}.',
};

/**
 * What a check found, what it means, and what to do next. Within a status, the first row that matches counts. A check
 * describes what it found as `TEXT [CHECK]`; for a response of Zenskar, the text is its status and its compact JSON.
 */
const table: Readonly<Record<Status, readonly Row[]>> = {
  ok: [
    [/^valid \[configuration/, 'All variables are valid.'],
    [
      /^outlast \[connections/,
      'Idle connections of clients stay open for {duration} s, longer than those of an AWS load balancer (60 s by default).',
      advice.balancers,
    ],
    [/^up \[redis/, '{server} answers in {duration} ms and takes all commands of the gateway.'],
    [
      /^usable unnamed \[jwks/,
      'The issuer publishes keys for {algorithms}. {count} of its keys have no key id of their own.',
      'Tokens without a key id are tried with each key of their type, up to {limit}.',
    ],
    [/^usable \[jwks/, 'The issuer publishes keys for {algorithms}.'],
    [/^within \[clock/, "The clock is within {skew} of Zenskar's."],
    [/^200 total .*\[upstream total/, 'Zenskar answered in {duration} ms with a valid total.'],
    [/^200 total /, 'Zenskar answered in {duration} ms with a valid total for the probe.', advice.ids],
    [
      /^40[04] \{"detail":(?!"Not Found").*\[upstream probe/,
      'Zenskar answered in {duration} ms. It accepted the credentials but does not know the ids of the probe.',
      advice.ids,
    ],
    [
      /^(40[13] \{(?!.*"Missing Authentication Token")|422 .*"header",).*without credentials\]$/,
      'Zenskar answered in {duration} ms and rejected a call without credentials, as it should.',
      'To check a real total, set ZENSKAR_API_KEY and ZENSKAR_ORGANISATION for this command only.',
    ],
  ],
  skipped: [
    [/^configuration invalid \[/, 'The configuration is invalid.', 'Correct the configuration first.'],
    [
      /^not configured \[redis/,
      'REDIS_URL is not set; each replica has its own cache.',
      'Set REDIS_URL to share one.',
    ],
    [/^not used \[jwks/, 'AUTH_MODE={mode} uses no tokens.', 'Set AUTH_MODE=jwt to use them.'],
    [/^no response \[clock/, 'There is no response with a date.', 'Solve the upstream problem first.'],
    [/^no date \[clock/, 'The response has no date.', 'Check the clock of this machine by other means.'],
  ],
  warning: [
    ...redisWarnings,
    [
      /^ignored \[configuration/,
      '{problem}',
      'Correct it, or leave it out if it is meant for another program.',
    ],
  ],
  problem: [
    ...redisProblems,
    [/^invalid \[configuration/, '{problem}', 'Correct it. Until then the gateway does not start.'],
    [
      /^short \[connections/,
      'Idle connections of clients are closed after {duration} s. Load balancers reuse them for 60 s or more, and then requests fail.',
      'Set HTTP_KEEP_ALIVE_TIMEOUT_MS above the idle timeout of the load balancer: 65000 for AWS, 620000 for Google, 3660000 for Envoy.',
    ],
    [
      /^skewed \[clock/,
      "The clock of this machine is {skew} {direction} Zenskar's.",
      'Synchronise it with a time server (NTP): the gateway verifies tokens and sets `asOf` by it.',
    ],
    [
      /^too many unnamed \[jwks/,
      'The issuer publishes {count} keys without a key id of their own. A token is tried with up to {limit} keys of its type.',
      'Configure the issuer to give each key a key id (kid) and to name it in the header of tokens.',
    ],
    [
      /^none usable \[jwks/,
      'The issuer publishes no usable key: public, for signatures and of a supported type.',
      'Configure the issuer to sign with RS, PS, ES or EdDSA keys; RSA keys need at least 2048 bits.',
    ],
    [
      /(200 OK|parse|malformed).*\[jwks\]$/,
      'The issuer does not answer with a JSON Web Key Set and status 200 ({reason}).',
      'Correct JWT_JWKS_URL: the discovery document of the issuer names it as `jwks_uri`. The gateway follows no redirect.',
    ],
    [
      /^3\d\d /,
      'Redirect: status {status} to {location}. The gateway follows no redirect, so that no other host gets the key.',
      "If that is Zenskar's API, set ZENSKAR_URL to the part before /entitlements. Otherwise correct ZENSKAR_URL.",
    ],
    [/^2\d\d (drift )?</, 'Wrong base URL: status {status} with a web page.', advice.url],
    [
      /^408 /,
      'Timeout: a load balancer or Zenskar gave up waiting for the request (status 408).',
      advice.network,
    ],
    [
      /^4(?!29)\d\d (?!\{)/,
      'Error page: status {status} without a JSON object, so an ingress, load balancer or firewall answered instead of Zenskar.',
      advice.page,
    ],
    [/^403 .*"Missing Authentication Token"/, 'Wrong base URL: status 403{quote}.', advice.url],
    [/^404 (?!\{"detail":(?!"Not Found"))/, 'Wrong base URL: status 404{quote}.', advice.url],
    [/^too_large/, 'The response is far larger than a total.', advice.url],
    [/^200 .*"(entitlement|customer|quantity)":/, 'Contract drift: {problem}.', advice.reference],
    [/^200 /, 'Contract drift: {problem}. No field belongs to a total.', advice.url],
    [
      /^(403 \{"Message":|422 .*"header","organisation")/,
      'Wrong organisation, most likely: status {status}{quote}.',
      advice.organisation,
    ],
    [
      /^(40[13] |422 .*"header","x[-_]api[-_]key")/i,
      'Wrong key, most likely: status {status}{quote}.',
      advice.key,
    ],
    [
      /^422 .*"header","apiversion"/,
      'Wrong API version: status 422 for the header apiversion.',
      'Correct ZENSKAR_API_VERSION, or unset it.',
    ],
    [/^422 .*"header",/, 'Missing header: Zenskar requires one more (status 422).', advice.reference],
    [
      /^422 /,
      'Zenskar rejects the arguments: status 422{quote}. Key and organisation are accepted.',
      "Check the ids. If they are correct, compare with Zenskar's current API reference.",
    ],
    [
      /^404 /,
      'Unknown entitlement or customer: status 404{quote}. The key is accepted; the organisation may be wrong.',
      'Check that both ids belong to the organisation in ZENSKAR_ORGANISATION.',
    ],
    [
      /^400 /,
      'Zenskar rejects the call: status 400{quote}. Key and organisation are accepted.',
      'Check that the entitlement and the customer belong together.',
    ],
    [
      /^429 /,
      'Rate limit of Zenskar exceeded: status 429{quote}.',
      'Run this again in a minute. If the problem remains, ask Zenskar for your limit.',
    ],
    [
      /^5\d\d /,
      'Zenskar fails: status {status}{quote}.',
      "Run this again in a minute, with --entitlement and --customer. If the problem remains, see Zenskar's status page.",
    ],
    [/^\d\d\d /, 'Unexpected status {status}{quote}.', advice.url],
    [
      /^timeout .*\[upstream/,
      'Timeout: no complete response from {place} within {limit} ms.',
      `${advice.network} If the service is always this slow, raise UPSTREAM_ATTEMPT_TIMEOUT_MS.`,
    ],
    [
      /PROXY_TUNNEL|UND_ERR_ABORTED|UND_ERR_PRX|HTTP Tunneling/,
      'Proxy failure: no tunnel to {place} ({reason}).',
      'Correct user and password in {proxy}, allow the host in the proxy, or add it to NO_PROXY if it is reached without one.',
    ],
    // Reasons are the error codes of Node and undici, or the messages that go with them.
    [/ENOTFOUND|EAI_AGAIN/, 'DNS failure: the host of {place} cannot be resolved ({reason}).', advice.dns],
    [/ECONNREFUSED/, 'Connection refused: no service listens at {place} ({reason}).', advice.server],
    [
      /CERT_(HAS_EXPIRED|NOT_YET_VALID)|certificate (has expired|is not yet valid)/,
      'TLS failure: the certificate of {place} has expired or is not yet valid ({reason}).',
      "Check this machine's clock. If it is correct, the operator of the host must renew the certificate.",
    ],
    [/ALTNAME/i, 'TLS failure: the certificate of {place} is for another host ({reason}).', advice.dns],
    [
      /SELF_SIGNED|UNABLE_TO_|self-signed|unable to (get|verify)/,
      'TLS failure: this machine does not trust the certificate of {place} ({reason}).',
      advice.trust,
    ],
    [/EPROTO|SSL|TLS|CERT|secure/i, 'TLS failure: no TLS connection to {place} ({reason}).', advice.scheme],
    [/HPE_/, 'The response from {place} is not HTTP ({reason}).', advice.scheme],
    [/time/i, 'Timeout: no complete response from {place} ({reason}).', advice.network],
    [
      /ECONNRESET|EPIPE|UND_ERR_SOCKET|closed|hang up/i,
      'Connection lost: {place} closed it before the response was complete ({reason}).',
      advice.scheme,
    ],
    [/./, 'Connection failed: {place} cannot be reached ({reason}).', advice.network],
  ],
};

const statuses = ['ok', 'skipped', 'warning', 'problem'] as const;

/** Looks up what a check found. */
export function diagnose(check: Check, found: string, facts: Facts = {}): Finding {
  const text = `${found} [${check}${facts.call ?? ''}]`;
  const fill = (template: string) =>
    template.replaceAll(/\{(\w+)\}/g, (placeholder, name) => String(facts[name] ?? placeholder));
  for (const status of statuses) {
    const [, reason, next] = table[status].find(([pattern]) => pattern.test(text)) ?? [];
    if (reason === undefined) continue;
    return { check, status, reason: fill(reason), ...(next === undefined ? {} : { next: fill(next) }) };
  }
  throw new Error('The last row of the table matches every text.');
}
