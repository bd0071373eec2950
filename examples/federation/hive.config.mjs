// Hive Gateway before the entitlements subgraph. Run and tested; see docs/federation.md.
export const gatewayConfig = {
  propagateHeaders: {
    fromClientToSubgraphs: ({ request }) => ({
      authorization: request.headers.get('authorization'),
      'x-request-id': request.headers.get('x-request-id'),
      traceparent: request.headers.get('traceparent'),
      // With AUTH_MODE=router, the secret of both:
      // 'x-router-secret': process.env.ROUTER_SECRET,
    }),
  },
  // Longer than the subgraph's own UPSTREAM_DEADLINE_MS, so that its answer tells why it took so long.
  upstreamTimeout: () => 10_000,
};
