import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

// The page calls /graphql on its own origin, as behind a reverse proxy, so the gateway needs no CORS.
export default defineConfig({
  plugins: [react()],
  server: { host: '127.0.0.1', proxy: { '/graphql': process.env.GATEWAY_URL ?? 'http://127.0.0.1:4000' } },
});
