import { expressMiddleware } from '@as-integrations/express5';
import express from 'express';
import { apollo } from './apolloServer.ts';
import { createContext } from './handwritten.ts';

const app = express();
app.use(
  '/graphql',
  express.json(),
  expressMiddleware(apollo, { context: async () => createContext() }) as never,
);
app.listen(Number(process.env.PORT), '127.0.0.1');
