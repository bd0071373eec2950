import { defineConfig } from '@graphql-mesh/compose-cli';
import { loadOpenAPISubgraph } from '@omnigraph/openapi';

export const composeConfig = defineConfig({
  subgraphs: [
    {
      sourceHandler: loadOpenAPISubgraph('zenskar', {
        source: new URL('zenskar.json', import.meta.url).pathname,
        endpoint: '{env.UPSTREAM}',
        operationHeaders: { 'x-api-key': 'k', organisation: 'o' },
      }),
    },
  ],
});
