import { describe, expect, it } from '@jest/globals';
import { parseConfig } from '../../src/config/config.ts';

const credentials = { ZENSKAR_API_KEY: 'a-secret-key', ZENSKAR_ORGANISATION: 'an-organisation' };
const noFile = () => {
  throw new Error('ENOENT');
};

function parse(environment: Record<string, string>, readFile: (path: string) => string = noFile) {
  return parseConfig({ ...credentials, ...environment }, readFile);
}

function warningsOf(environment: Record<string, string>) {
  const parsed = parse(environment);
  return parsed.ok ? parsed.warnings : parsed.problems;
}

function problemsOf(environment: Record<string, string>) {
  const parsed = parse(environment);
  return parsed.ok ? [] : parsed.problems;
}

describe('parseConfig', () => {
  it('requires only the Zenskar credentials and has safe defaults', () => {
    expect(parse({})).toEqual({
      ok: true,
      config: {
        HOST: '127.0.0.1',
        PORT: 4000,
        ADMIN_HOST: '127.0.0.1',
        ADMIN_PORT: 4001,
        ZENSKAR_URL: 'https://api.zenskar.com',
        ...credentials,
        UPSTREAM_ATTEMPT_TIMEOUT_MS: 2000,
        UPSTREAM_DEADLINE_MS: 5000,
        UPSTREAM_RETRIES: 2,
        UPSTREAM_TRANSPORT: 'got',
        UPSTREAM_CONCURRENCY: 64,
        UPSTREAM_BREAKER_FAILURES: 10,
        UPSTREAM_BREAKER_RESET_MS: 5000,
        CACHE_MAX_AGE_SECONDS: 30,
        CACHE_STALE_WHILE_REVALIDATE_SECONDS: 60,
        CACHE_STALE_IF_ERROR_SECONDS: 86_400,
        CACHE_MAX_ENTRIES: 100_000,
        AUTH_MODE: 'none',
        AUTH_ALLOW_ANONYMOUS: false,
        JWT_CUSTOMER_CLAIM: 'customer_id',
        JWT_ALL_CUSTOMERS_SCOPE: 'entitlements:read:all',
        CORS_ORIGINS: [],
        RATE_LIMIT_PER_MINUTE: 0,
        TRUSTED_PROXIES: [],
        GRAPHQL_EXPLORER: 'off',
        GRAPHQL_CACHE_TAGS: false,
        GRAPHQL_INTROSPECTION: false,
        GRAPHQL_MAX_DEPTH: 10,
        GRAPHQL_MAX_ALIASES: 100,
        GRAPHQL_MAX_TOKENS: 4000,
        GRAPHQL_MAX_TOTALS: 1000,
        HTTP_MAX_BODY_BYTES: 262_144,
        HTTP_KEEP_ALIVE_TIMEOUT_MS: 65_000,
        HTTP_SERVER_TIMING: false,
        WEB_CONCURRENCY: 1,
        SHUTDOWN_DELAY_MS: 0,
        SHUTDOWN_TIMEOUT_MS: 10_000,
        LOG_LEVEL: 'info',
        OTEL_SDK_DISABLED: false,
        OTEL_PROPAGATORS: 'tracecontext',
        OTEL_TRACES_EXPORTER: 'otlp',
        OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
        OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/protobuf',
        OTEL_TRACES_SAMPLER: 'parentbased_always_on',
        OTEL_TRACES_SAMPLER_ARG: 1,
        OTEL_BSP_SCHEDULE_DELAY: 5000,
        OTEL_BSP_EXPORT_TIMEOUT: 30_000,
        OTEL_BSP_MAX_QUEUE_SIZE: 2048,
        OTEL_BSP_MAX_EXPORT_BATCH_SIZE: 512,
      },
      warnings: [],
    });
  });

  it('takes values from the environment', () => {
    const parsed = parse({
      PORT: '0',
      ZENSKAR_URL: 'http://localhost:4900/base/',
      CORS_ORIGINS: 'https://a.example, http://localhost:5173',
      GRAPHQL_INTROSPECTION: 'true',
    });
    expect(parsed).toMatchObject({
      ok: true,
      config: {
        PORT: 0,
        ZENSKAR_URL: 'http://localhost:4900/base',
        CORS_ORIGINS: ['https://a.example', 'http://localhost:5173'],
        GRAPHQL_INTROSPECTION: true,
      },
    });
  });

  it('takes the origins of apps and browser extensions as they send them', () => {
    const origins = [
      'https://a.example:8443',
      'http://[::1]:3000',
      'https://xn--tda.example',
      'http://tauri.localhost',
      'capacitor://localhost',
      'ionic://localhost',
      'tauri://localhost',
      'app://.',
      'chrome-extension://jjkacomhkeejdlpddhjpfeokhgfceefd',
      'moz-extension://2c127fa4-62c7-7e4f-90e5-472b45eecfdc',
      'safari-web-extension://140BB581-A2C0-422A-9DD3-6982A5ABEE5E',
    ];
    expect(parse({ CORS_ORIGINS: origins.join(', ') })).toMatchObject({
      ok: true,
      config: { CORS_ORIGINS: origins },
    });
  });

  const anyOrigin = 'origins such as https://app.example.com or capacitor://localhost, separated by commas';
  const noWildcard = 'origins without "*": each one is named';
  it.each([
    ['*', noWildcard],
    ['https://*.example.com', noWildcard],
    ['null', 'no "null", which is the origin of every sandboxed frame and local file'],
    ['https://a.example/', '"https://a.example" in place of "https://a.example/"'],
    ['https://a.example/path?x#y', '"https://a.example" in place of "https://a.example/path?x#y"'],
    ['HTTPS://A.Example', '"https://a.example" in place of "HTTPS://A.Example"'],
    ['https://a.example:443', '"https://a.example" in place of "https://a.example:443"'],
    ['https://ü.example', '"https://xn--tda.example" in place of "https://ü.example"'],
    ['https:a.example', '"https://a.example" in place of "https:a.example"'],
    ['Capacitor://localhost', '"capacitor://localhost" in place of "Capacitor://localhost"'],
    ['tauri://localhost/', '"tauri://localhost" in place of "tauri://localhost/"'],
    ['moz-extension://id/page.html', '"moz-extension://id" in place of "moz-extension://id/page.html"'],
    ['capacitor://me@localhost', '"capacitor://localhost" in place of "capacitor://me@localhost"'],
    ['file://', anyOrigin],
    ['blob:https://a.example/1', anyOrigin],
    ['javascript:alert(1)', anyOrigin],
    ['a.example', anyOrigin],
    ['localhost:3000', anyOrigin],
    ['https://a.example,', anyOrigin],
    ['a, b, c', anyOrigin],
    [
      'https://a.example/, null, https://b.example, NULL://x',
      '"https://a.example" in place of "https://a.example/"; no "null", which is the origin of every sandboxed frame and local file; "null://x" in place of "NULL://x"',
    ],
  ])('says what is wrong with CORS_ORIGINS=%s', (value, expected) => {
    expect(problemsOf({ CORS_ORIGINS: value })).toEqual([
      `CORS_ORIGINS is ${JSON.stringify(value)}; expected ${expected}.`,
    ]);
  });

  it.each([
    ['AUTH_ALLOW_ANONYMOUS', 'True', true],
    ['GRAPHQL_INTROSPECTION', 'TRUE', true],
    ['HTTP_SERVER_TIMING', 'False', false],
    ['LOG_LEVEL', 'WARN', 'warn'],
  ])('takes %s=%s in any case', (name, value, expected) => {
    expect(parse({ [name]: value })).toMatchObject({ ok: true, config: { [name]: expected } });
  });

  it('treats an empty value as unset', () => {
    expect(parse({ PORT: '', ZENSKAR_URL: '' })).toEqual(parse({}));
  });

  it('reports all problems at once', () => {
    const parsed = parseConfig({ PORT: 'http', LOG_LEVEL: 'loud', CACHE_SIZE: '3' }, noFile);
    expect(parsed).toEqual({
      ok: false,
      problems: [
        'PORT is "http"; expected a whole number from 0 to 65535.',
        'LOG_LEVEL is "loud"; expected debug, info, warn, error or silent.',
        'ZENSKAR_API_KEY is missing; it is required with AUTH_MODE=none.',
        'ZENSKAR_ORGANISATION is missing; it is required with AUTH_MODE=none.',
        expect.stringMatching(/^CACHE_SIZE is not a variable of the gateway; did you mean [A-Z_]+\?$/),
      ],
    });
  });

  it.each([
    ['PORT', '65536'],
    ['PORT', '-1'],
    ['PORT', '80.5'],
    ['PORT', '1e3'],
    ['PORT', 'NaN'],
    ['UPSTREAM_ATTEMPT_TIMEOUT_MS', '0'],
    ['UPSTREAM_ATTEMPT_TIMEOUT_MS', 'Infinity'],
    ['UPSTREAM_CONCURRENCY', '0'],
    ['GRAPHQL_INTROSPECTION', 'yes'],
    ['GRAPHQL_EXPLORER', 'on'],
    ['AUTH_MODE', 'jwtt'],
    ['RATE_LIMIT_PER_MINUTE', '12,5'],
    ['RATE_LIMIT_PER_MINUTE', 'off'],
    ['TRUSTED_PROXIES', 'proxy.example.com'],
    ['TRUSTED_PROXIES', '10.0.0.0/33'],
    ['TRUSTED_PROXIES', '10.0.0.0/'],
    ['TRUSTED_PROXIES', '10.0.0.0/8/8'],
    ['JWT_ALL_CUSTOMERS_SCOPE', 'two scopes'],
    ['JWT_CUSTOMER_CLAIM', '__proto__'],
    ['JWT_CUSTOMER_CLAIM', 'app.constructor'],
    ['CACHE_MAX_AGE_SECONDS', '-1'],
    ['CORS_ORIGINS', '*'],
    ['CORS_ORIGINS', 'https://a.example/path'],
    ['CORS_ORIGINS', 'https://a.example,'],
  ])('rejects %s=%s', (name, value) => {
    expect(problemsOf({ [name]: value })).toEqual([
      expect.stringMatching(`^${name} is ".*"; expected .+\\.$`),
    ]);
  });

  it.each([
    'api.zenskar.com',
    'ftp://api.zenskar.com',
    'https://me:pw@api.zenskar.com',
    'https://api.zenskar.com?x=1',
    'https://api.zenskar.com?',
    'https://api.zenskar.com/#docs',
    'https://key@api.zenskar.com',
    'https://:pw@[::1]:8443',
  ])('rejects ZENSKAR_URL=%s without printing the value, which may contain a password', (url) => {
    expect(problemsOf({ ZENSKAR_URL: url })).toEqual([
      'ZENSKAR_URL has a value that is not shown here; expected an http or https URL without credentials, query or fragment.',
    ]);
  });

  it.each([
    'localhost:6379',
    'http://localhost',
    'redis://',
    'redis://:pa%zz@h',
    'redis://h/abc',
    'redis://h/1?family=6',
    'redis://h#1',
    'redis://:a-password@h,',
    'redis://:a-password@h,,redis://i',
    'redis://:a-password@h,http://:b-password@i,redis://:c-password@j',
    'redis://:a-password@h, localhost:6379',
    'redis://:a-password@h redis://:b-password@i#1',
    'redis://:a,b-password@h',
  ])('rejects REDIS_URL=%s without printing the value, which may contain passwords', (url) => {
    expect(problemsOf({ REDIS_URL: url })).toEqual([
      'REDIS_URL has a value that is not shown here; expected redis or rediss URLs without query or fragment, separated by commas.',
    ]);
  });

  it.each([
    ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc', 'http/protobuf'],
    ['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'http/json', 'http/protobuf'],
    ['OTEL_TRACES_SAMPLER', 'xray', 'parentbased_always_on'],
    ['OTEL_TRACES_SAMPLER', 'jaeger_remote', 'parentbased_always_on'],
    ['OTEL_TRACES_EXPORTER', 'otlp,console', 'otlp'],
    ['OTEL_TRACES_EXPORTER', 'zipkin', 'otlp'],
    ['OTEL_PROPAGATORS', 'xray', 'tracecontext'],
    ['OTEL_PROPAGATORS', 'tracecontext,b3', 'tracecontext'],
    ['OTEL_PROPAGATORS', 'none', 'tracecontext'],
    ['OTEL_SDK_DISABLED', '1', false],
    ['OTEL_SDK_DISABLED', 'yes', false],
    ['OTEL_TRACES_SAMPLER_ARG', '1.5', 1],
    ['OTEL_TRACES_SAMPLER_ARG', '1%', 1],
    ['OTEL_TRACES_SAMPLER_ARG', 'endpoint=http://localhost:14250,pollingIntervalMs=5000', 1],
    ['OTEL_BSP_SCHEDULE_DELAY', '5s', 5000],
    ['OTEL_BSP_SCHEDULE_DELAY', '0', 5000],
    ['OTEL_BSP_EXPORT_TIMEOUT', '-1', 30_000],
    ['OTEL_BSP_MAX_QUEUE_SIZE', '1e9', 2048],
    ['OTEL_BSP_MAX_EXPORT_BATCH_SIZE', '99999999999', 512],
  ])('starts with a warning if %s is %s, which is meant for another program', (name, value, fallback) => {
    const parsed = parse({ [name]: value });
    expect(parsed).toMatchObject({ ok: true, config: { [name]: fallback } });
    expect(warningsOf({ [name]: value })).toEqual([
      expect.stringMatching(`^${name} is ".*"; expected .+\\. The value is ignored\\.$`),
    ]);
  });

  it.each([
    ['OTEL_SDK_DISABLED', 'True', true],
    ['OTEL_SDK_DISABLED', 'TRUE', true],
    ['OTEL_SDK_DISABLED', 'False', false],
    ['OTEL_TRACES_EXPORTER', 'None', 'none'],
    ['OTEL_TRACES_SAMPLER', 'ALWAYS_OFF', 'always_off'],
    ['OTEL_PROPAGATORS', 'TraceContext, baggage', 'tracecontext, baggage'],
  ])('takes %s=%s in any case, without a warning', (name, value, expected) => {
    expect(parse({ [name]: value })).toMatchObject({ ok: true, config: { [name]: expected }, warnings: [] });
  });

  it('reports invalid OpenTelemetry variables only as warnings if there are other problems', () => {
    expect(problemsOf({ OTEL_TRACES_SAMPLER: 'xray', PORT: 'http' })).toEqual([
      'PORT is "http"; expected a whole number from 0 to 65535.',
    ]);
  });

  it('starts without the collector headers if their file cannot be read', () => {
    expect(warningsOf({ OTEL_EXPORTER_OTLP_HEADERS_FILE: '/none' })).toEqual([
      'OTEL_EXPORTER_OTLP_HEADERS_FILE cannot be read or is empty; expected the path of a readable file that contains the secret. The value is ignored.',
    ]);
  });

  it.each(['collector:4318', 'grpc://collector', 'http://me:pw@collector', 'http://collector#key'])(
    'ignores the collector URL %s without printing the value, which may contain a password',
    (url) => {
      expect(
        warningsOf({ OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: url }),
      ).toEqual([
        'OTEL_EXPORTER_OTLP_ENDPOINT has a value that is not shown here; expected an http or https URL without credentials, query or fragment. The value is ignored.',
        'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT has a value that is not shown here; expected an http or https URL without credentials or fragment. The value is ignored.',
      ]);
    },
  );

  it.each(['a key', 'x-key', 'x-key=%zz', 'x-key=1,two words=2', 'x-key=%0d%0a'])(
    'ignores the collector headers %j without printing them',
    (list) => {
      expect(warningsOf({ OTEL_EXPORTER_OTLP_HEADERS: list })).toEqual([
        'OTEL_EXPORTER_OTLP_HEADERS has a value that is not shown here; expected name=value, separated by commas. The value is ignored.',
      ]);
    },
  );

  it.each(['two words', 'a\r\nheader: x', 'ключ'])(
    'rejects the API key %j, which cannot be a header, without printing it',
    (key) => {
      expect(problemsOf({ ZENSKAR_API_KEY: key })).toEqual([
        'ZENSKAR_API_KEY has a value that is not shown here; expected visible ASCII characters without spaces.',
      ]);
    },
  );

  it.each([
    ['https://api.zenskar.com/', 'https://api.zenskar.com'],
    ['https://api.zenskar.com//', 'https://api.zenskar.com'],
    ['HTTPS://API.Zenskar.com', 'https://api.zenskar.com'],
    ['https://proxy.example/zenskar/v1/', 'https://proxy.example/zenskar/v1'],
    ['http://[::1]:4900/', 'http://[::1]:4900'],
    ['https://api.zenskar.com:443', 'https://api.zenskar.com'],
  ])('takes ZENSKAR_URL=%s', (value, ZENSKAR_URL) => {
    expect(parse({ ZENSKAR_URL: value })).toMatchObject({ ok: true, config: { ZENSKAR_URL } });
  });

  it.each(['redis://[::1]:6379/0', 'REDIS://cache', 'rediss://:p%40w@cache:6380/', 'redis://me:pw@cache'])(
    'takes REDIS_URL=%s',
    (REDIS_URL) => {
      expect(parse({ REDIS_URL })).toMatchObject({ ok: true, config: { REDIS_URL: [REDIS_URL] } });
    },
  );

  it.each([
    'redis://:pw@a:7001,redis://:pw@b:7002,rediss://c',
    'redis://:pw@a:7001 ,\tredis://:pw@b:7002,  rediss://c',
  ])('takes several URLs in REDIS_URL, with and without spaces: %j', (REDIS_URL) => {
    const urls = ['redis://:pw@a:7001', 'redis://:pw@b:7002', 'rediss://c'];
    expect(parse({ REDIS_URL })).toMatchObject({ ok: true, config: { REDIS_URL: urls } });
  });

  it.each([
    ['http://proxy.example.com:3128', 'http://proxy.example.com:3128/'],
    ['proxy.example.com:3128', 'http://proxy.example.com:3128/'],
    ['10.0.0.1:3128', 'http://10.0.0.1:3128/'],
    ['HTTPS://Proxy.example.com', 'https://proxy.example.com/'],
    ['http://me:p%40ss@[::1]:3128/', 'http://me:p%40ss@[::1]:3128/'],
  ])('takes the proxy %s', (value, proxy) => {
    expect(parse({ HTTPS_PROXY: value, HTTP_PROXY: value, NO_PROXY: 'localhost' })).toMatchObject({
      ok: true,
      config: { HTTPS_PROXY: proxy, HTTP_PROXY: proxy, NO_PROXY: 'localhost' },
    });
  });

  it('prefers the lower-case names of proxies, as curl does', () => {
    const lower = { https_proxy: 'http://a', http_proxy: 'http://b', no_proxy: 'c' };
    const upper = { HTTPS_PROXY: 'http://x', HTTP_PROXY: 'http://y', NO_PROXY: 'z' };
    const config = { HTTPS_PROXY: 'http://a/', HTTP_PROXY: 'http://b/', NO_PROXY: 'c' };
    expect(parse(lower)).toMatchObject({ ok: true, config });
    expect(parse({ ...upper, ...lower })).toMatchObject({ ok: true, config });
    expect(parse({ ...upper, https_proxy: '' })).toMatchObject({ config: { HTTPS_PROXY: 'http://x/' } });
  });

  it.each([
    'socks5://proxy:1080',
    'http://',
    'http://me:%zz@proxy:3128',
    'http://proxy:port',
    'a proxy',
    'https://10.0.0.1:3128',
    'https://[::1]:3128',
  ])('rejects the proxy %s without printing it, because it may contain a password', (value) => {
    expect(problemsOf({ HTTPS_PROXY: value, http_proxy: value })).toEqual(
      ['HTTPS_PROXY', 'HTTP_PROXY'].map(
        (name) =>
          `${name} has a value that is not shown here; expected an http URL such as http://proxy.example.com:3128, or an https URL with a host name.`,
      ),
    );
  });

  const quotes =
    'has quotes around its value; expected the value alone: `docker --env-file` and Kubernetes take quotes as a part of it.';
  const space =
    'has white space around its value, such as the line end of a file from Windows; expected the value alone.';
  it('names the quotes that docker --env-file leaves around values, for all variables alike', () => {
    const quoted = {
      PORT: '"4000"',
      ZENSKAR_URL: "'https://api.zenskar.com'",
      ZENSKAR_API_KEY: '"abc"',
      AUTH_MODE: '`none`',
      JWT_ISSUER: '"https://issuer.example/"',
      GRAPHQL_SAFELIST: '"/list.json"',
      PURGE_TOKEN_FILE: '"/run/secrets/token"',
    };
    expect(problemsOf(quoted)).toEqual(Object.keys(quoted).map((name) => `${name} ${quotes}`));
    expect(warningsOf({ OTEL_TRACES_SAMPLER: '"always_off"' })).toEqual([
      `OTEL_TRACES_SAMPLER ${quotes} The value is ignored.`,
    ]);
  });

  it('names the carriage return that an environment file of Windows leaves behind values', () => {
    for (const [name, value] of [
      ['ZENSKAR_API_KEY', 'abc\r'],
      ['ZENSKAR_URL', 'https://api.zenskar.com\r'],
      ['HOST', '127.0.0.1 '],
      ['GRAPHQL_MAX_TOTALS', ' 7'],
      ['JWT_AUDIENCE', '\ttotals'],
      ['ZENSKAR_ORGANISATION', '   '],
    ] as const)
      expect(problemsOf({ AUTH_MODE: 'none', [name]: value })).toEqual([`${name} ${space}`]);
  });

  it.each([
    ['a carriage return', 'key\r\n'],
    ['a byte order mark', '\uFEFFkey'],
    ['a byte order mark and a carriage return', '\uFEFFkey\r\n'],
    ['several line ends', '\nkey\n\n'],
  ])('reads a secret from a file with %s', (_, content) => {
    const environment = { ZENSKAR_API_KEY: '', ZENSKAR_API_KEY_FILE: '/key' };
    expect(parse(environment, () => content)).toMatchObject({ ok: true, config: { ZENSKAR_API_KEY: 'key' } });
  });

  it('names the quotes around a secret in a file', () => {
    const parsed = parse({ ZENSKAR_API_KEY: '', ZENSKAR_API_KEY_FILE: '/key' }, () => '"key"\n');
    expect(parsed).toEqual({ ok: false, problems: [`ZENSKAR_API_KEY ${quotes}`] });
  });

  it('reads a safelist that begins with a byte order mark', () => {
    const parsed = parse({ GRAPHQL_SAFELIST: '/list' }, () => '\uFEFF{"a":"query A { __typename }"}');
    expect(parsed).toMatchObject({ ok: true, config: { GRAPHQL_SAFELIST: [{ id: 'a' }] } });
  });

  it('reads a secret from the file that its _FILE variable names', () => {
    const environment = { ZENSKAR_API_KEY: '', ZENSKAR_API_KEY_FILE: '/run/secrets/key' };
    const parsed = parse(environment, (path) => `content-of-${path}\n`);
    expect(parsed).toMatchObject({ ok: true, config: { ZENSKAR_API_KEY: 'content-of-/run/secrets/key' } });
  });

  it('rejects a secret that is set twice, and a secret file that is empty or cannot be read', () => {
    expect(problemsOf({ ZENSKAR_API_KEY_FILE: '/key' })).toEqual([
      'ZENSKAR_API_KEY and ZENSKAR_API_KEY_FILE are both set; expected one of them.',
    ]);
    expect(problemsOf({ ZENSKAR_API_KEY: '', ZENSKAR_API_KEY_FILE: '/key' })).toEqual([
      'ZENSKAR_API_KEY_FILE cannot be read or is empty; expected the path of a readable file that contains the secret.',
    ]);
    const empty = parse({ ZENSKAR_API_KEY: '', ZENSKAR_API_KEY_FILE: '/key' }, () => ' \n');
    expect(empty).toEqual({
      ok: false,
      problems: [expect.stringMatching(/^ZENSKAR_API_KEY_FILE .* is empty/)],
    });
  });

  it.each([
    ['jwt', ['JWT_JWKS_URL', 'JWT_ISSUER', 'JWT_AUDIENCE']],
    ['router', ['ROUTER_SECRET']],
    ['passthrough', []],
  ])('reports missing variables that AUTH_MODE=%s requires', (mode, names) => {
    const expected = names.map((name) => `${name} is missing; it is required with AUTH_MODE=${mode}.`);
    expect(problemsOf({ AUTH_MODE: mode })).toEqual(expected);
    const withoutCredentials = problemsOf({ AUTH_MODE: mode, ZENSKAR_API_KEY: '', ZENSKAR_ORGANISATION: '' });
    expect(withoutCredentials).toHaveLength(expected.length + (mode === 'passthrough' ? 0 : 2));
  });

  it('rejects a JWT_JWKS_URL with credentials without printing it, and accepts one with a query', () => {
    expect(problemsOf({ JWT_JWKS_URL: 'https://me:pw@issuer.example/keys', AUTH_MODE: 'none' })).toEqual([
      'JWT_JWKS_URL has a value that is not shown here; expected an http or https URL without credentials or fragment.',
    ]);
    expect(problemsOf({ JWT_JWKS_URL: 'https://issuer.example/keys?appid=1', AUTH_MODE: 'none' })).toEqual(
      [],
    );
  });

  it('reads the safelist from its file and rejects a file that is not a manifest', () => {
    const operation = { id: 'a', name: 'A', type: 'query', body: 'query A { __typename }' };
    const manifest = { format: 'apollo-persisted-query-manifest', version: 1, operations: [operation] };
    const parsed = parse({ GRAPHQL_SAFELIST: '/list' }, (path) =>
      JSON.stringify(path === '/list' && manifest),
    );
    expect(parsed).toMatchObject({ ok: true, config: { GRAPHQL_SAFELIST: [operation] } });
    const expected =
      "expected the path of a readable manifest: Apollo's format, or a JSON object of texts by id.";
    expect(parse({ GRAPHQL_SAFELIST: '/list' }, () => '[]')).toEqual({
      ok: false,
      problems: [`GRAPHQL_SAFELIST is not a manifest (it is not a JSON object); ${expected}`],
    });
    const unreadable = () => {
      throw new Error('ENOENT');
    };
    expect(parse({ GRAPHQL_SAFELIST: '/list' }, unreadable)).toEqual({
      ok: false,
      problems: [`GRAPHQL_SAFELIST cannot be read; ${expected}`],
    });
    expect(parse({ GRAPHQL_SAFELIST: '/list' })).toMatchObject({ ok: false });
  });

  it('suggests the nearest variable for an unknown name with a reserved prefix', () => {
    expect(problemsOf({ ZENSKAR_ORGANIZATION: 'x', GRAPHQL_INTROSPECT: 'true' })).toEqual([
      'ZENSKAR_ORGANIZATION is not a variable of the gateway; did you mean ZENSKAR_ORGANISATION?',
      'GRAPHQL_INTROSPECT is not a variable of the gateway; did you mean GRAPHQL_INTROSPECTION?',
    ]);
  });

  it.each([
    ['AUTHMODE', 'AUTH_MODE'],
    ['ROUTER_SECRETS', 'ROUTER_SECRET'],
    ['RATE_LIMIT_PER_MINUTES', 'RATE_LIMIT_PER_MINUTE'],
    ['TRUSTED_PROXYS', 'TRUSTED_PROXIES'],
    ['CORS_ORIGIN', 'CORS_ORIGINS'],
    ['PURGE_TOKEN_FLIE', 'PURGE_TOKEN_FILE'],
  ])('reports the unreserved name %s as a misspelling of %s', (name, meant) => {
    expect(problemsOf({ [name]: 'x' })).toEqual([
      `${name} is not a variable of the gateway; did you mean ${meant}?`,
    ]);
  });

  it('reads several audiences, and rejects an empty one among them', () => {
    const audiences = (value: string) =>
      parse({ AUTH_MODE: 'jwt', JWT_JWKS_URL: 'https://a.example/', JWT_ISSUER: 'a', JWT_AUDIENCE: value });
    expect(audiences('one, https://two.example')).toMatchObject({
      config: { JWT_AUDIENCE: ['one', 'https://two.example'] },
    });
    for (const value of [',', 'one,', 'one,,two'])
      expect(audiences(value)).toEqual({
        ok: false,
        problems: [`JWT_AUDIENCE is ${JSON.stringify(value)}; expected audiences, separated by commas.`],
      });
  });

  it('reports a missing AUTH_MODE if a variable of the modes jwt or router is set', () => {
    for (const name of ['JWT_ISSUER', 'JWT_AUDIENCE', 'ROUTER_SECRET'])
      expect(problemsOf({ [name]: 'x' })).toEqual([
        `AUTH_MODE is missing, though ${name} is set; expected one of none, jwt, router or passthrough.`,
      ]);
    expect(problemsOf({ ROUTER_SECRET: 'x', AUTH_MODE: 'none' })).toEqual([]);
  });

  it('starts with one warning if Kubernetes sets variables for services named cache and auth', () => {
    const links = {
      CACHE_PORT: 'tcp://10.0.0.1:80',
      CACHE_PORT_80_TCP: 'tcp://10.0.0.1:80',
      CACHE_PORT_80_TCP_PROTO: 'tcp',
      AUTH_SERVICE_HOST: '10.0.0.2',
      AUTH_SERVICE_PORT_HTTP: '80',
      BILLING_PORT: 'tcp://10.0.0.3:80',
    };
    expect(warningsOf(links)).toEqual([
      'CACHE_PORT, CACHE_PORT_80_TCP, CACHE_PORT_80_TCP_PROTO, AUTH_SERVICE_HOST, AUTH_SERVICE_PORT_HTTP: names of service links of Kubernetes, not of variables of the gateway. They are ignored; `enableServiceLinks: false` in the pod leaves them out.',
    ]);
  });

  it.each([
    ['ADMIN_PORT', 'tcp://10.0.0.1:4001', 4001],
    ['ADMIN_PORT', 'udp://[fd00::1]:53', 4001],
    ['PORT', 'tcp://10.0.0.1:80', 4000],
  ] as const)(
    'starts on the default port if %s is %s, as Kubernetes sets it for a service',
    (name, value, port) => {
      expect(parse({ [name]: value })).toMatchObject({ ok: true, config: { [name]: port } });
      expect(warningsOf({ [name]: value })).toEqual([
        `${name} is "${value}", a service link of Kubernetes; expected a port. The value is ignored.`,
      ]);
    },
  );

  it.each(['0.0.0.0:4000', 'http://localhost', '[::1]:4000', 'tcp://10.0.0.1:80', '*'])(
    'rejects HOST=%s, to which no listener can be bound',
    (HOST) => {
      expect(problemsOf({ HOST, ADMIN_HOST: HOST, AUTH_ALLOW_ANONYMOUS: 'true' })).toEqual(
        ['HOST', 'ADMIN_HOST'].map(
          (name) => `${name} is "${HOST}"; expected an address or a host name, without a port.`,
        ),
      );
    },
  );

  it.each([
    ['[::1]', '::1'],
    ['fe80::1%eth0', 'fe80::1%eth0'],
    ['my_host.internal', 'my_host.internal'],
  ])('takes HOST=%s', (value, HOST) => {
    expect(parse({ HOST: value, AUTH_ALLOW_ANONYMOUS: 'true' })).toMatchObject({
      ok: true,
      config: { HOST },
    });
  });

  it('reports AUTH_MODE alone if it is invalid and HOST is not loopback', () => {
    expect(problemsOf({ AUTH_MODE: 'jwtt', HOST: '0.0.0.0' })).toEqual([
      'AUTH_MODE is "jwtt"; expected none, jwt, router or passthrough.',
    ]);
  });

  it('ignores variables that Kubernetes injects and variables of other programs', () => {
    const injected = {
      GRAPHQL_SERVICE_HOST: '10.0.0.1',
      GRAPHQL_SERVICE_PORT_HTTP: '80',
      GRAPHQL_PORT: 'tcp://10.0.0.1:80',
      GRAPHQL_PORT_80_TCP_ADDR: '10.0.0.1',
    };
    expect(
      problemsOf({
        ...injected,
        NODE_ENV: 'production',
        PATH: '/bin',
        HOSTNAME: 'h',
        PORTS: '1',
        LOGNAME: 'n',
        OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'http://collector',
        OTEL_BLRP_SCHEDULE_DELAY: '1',
      }),
    ).toEqual([]);
  });

  it('rejects AUTH_MODE=none on a HOST other than loopback unless AUTH_ALLOW_ANONYMOUS is true', () => {
    const [problem, ...others] = problemsOf({ HOST: '0.0.0.0' });
    expect(problem).toMatch(/AUTH_ALLOW_ANONYMOUS=true/);
    expect(others).toEqual([]);
    expect(problemsOf({ HOST: '::' })).toHaveLength(1);
    expect(problemsOf({ HOST: '127.0.0.1.example.com' })).toHaveLength(1);
    expect(problemsOf({ HOST: '0.0.0.0', AUTH_ALLOW_ANONYMOUS: 'true' })).toEqual([]);
    for (const HOST of ['127.8.8.8', '::1', 'localhost']) expect(problemsOf({ HOST })).toEqual([]);
  });
});
