import { defineConfig, type GatewayPlugin, useHttpCache } from '@graphql-hive/gateway';

const maxAgeSeconds = Number(process.env.MAX_AGE_SECONDS);

/** Its HTTP cache obeys `cache-control`, which Zenskar does not send. */
const useMaxAge = (): GatewayPlugin => ({
  onFetch:
    () =>
    ({ response }) =>
      response.headers.set('cache-control', `max-age=${maxAgeSeconds}`),
});

export const gatewayConfig = defineConfig({
  cache: { type: 'localforage' },
  responseCaching: { session: () => null, ttl: maxAgeSeconds * 1000 },
  plugins: (context) => [useMaxAge(), useHttpCache(context)],
  jit: true,
  logging: 'error',
});
