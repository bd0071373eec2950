import { once } from 'node:events';
import { request as ask, createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Recorder = {
  url: string;
  /** The headers of each request. */
  headers: IncomingHttpHeaders[];
  stop: () => void;
};

/** A proxy between a router and a subgraph that records the request headers. */
export async function startRecorder(target: string): Promise<Recorder> {
  const headers: IncomingHttpHeaders[] = [];
  const server = createServer((incoming, answer) => {
    headers.push(incoming.headers);
    const { method, headers: own } = incoming;
    const outgoing = ask(new URL(incoming.url ?? '', target), { method, headers: own }, (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(answer);
    });
    outgoing.on('error', () => answer.destroy());
    incoming.pipe(outgoing);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, headers, stop: () => server.close().closeAllConnections() };
}
