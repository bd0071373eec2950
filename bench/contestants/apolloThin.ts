import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { HeaderMap } from '@apollo/server';
import { apollo } from './apolloServer.ts';
import { createContext } from './handwritten.ts';
import { readBody } from './readBody.ts';

async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const headers = new HeaderMap();
  for (const [name, value] of Object.entries(request.headers)) headers.set(name, String(value));
  const answer = await apollo.executeHTTPGraphQLRequest({
    httpGraphQLRequest: { method: 'POST', headers, search: '', body: JSON.parse(await readBody(request)) },
    context: async () => createContext(),
  });
  response.writeHead(answer.status ?? 200, Object.fromEntries(answer.headers));
  response.end(answer.body.kind === 'complete' ? answer.body.string : '');
}

createServer((request, response) => {
  handle(request, response).catch(() => response.writeHead(400).end());
}).listen(Number(process.env.PORT), '127.0.0.1');
