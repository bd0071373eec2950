// Hive Gateway in front of the entitlements subgraph. Tested; see docs/federation.md.
export const gatewayConfig = {
  propagateHeaders: {
    fromClientToSubgraphs: ({ request }) => ({
      authorization: request.headers.get('authorization'),
      'x-request-id': request.headers.get('x-request-id'),
      traceparent: request.headers.get('traceparent'),
      // With AUTH_MODE=router:
      // 'x-router-secret': process.env.ROUTER_SECRET,
    }),
  },
  // Longer than UPSTREAM_DEADLINE_MS of the subgraph, so that its error reaches the client.
  upstreamTimeout: () => 10_000,
};
