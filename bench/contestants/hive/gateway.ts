import { defineConfig, type GatewayPlugin, useHttpCache } from '@graphql-hive/gateway';

const maxAgeSeconds = 30;

/** Its HTTP cache goes by what an upstream says, and Zenskar says nothing. */
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
