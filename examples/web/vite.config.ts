import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

// The page asks its own origin for /graphql, as it would behind a reverse proxy: the gateway needs no CORS for it.
export default defineConfig({
  plugins: [react()],
  server: { host: '127.0.0.1', proxy: { '/graphql': process.env.GATEWAY_URL ?? 'http://127.0.0.1:4000' } },
});
