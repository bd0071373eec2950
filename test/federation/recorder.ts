import { once } from 'node:events';
import { request as ask, createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

type Exchange = {
  /** Of the request. */
  headers: IncomingHttpHeaders;
  /** Of the response. */
  contentType?: string | undefined;
};

export type Recorder = {
  url: string;
  /** The URL of the subgraph. */
  target: string;
  exchanges: Exchange[];
  stop: () => void;
};

/** A proxy between a router and a subgraph that records requests and media types. */
export async function startRecorder(target: string): Promise<Recorder> {
  const exchanges: Exchange[] = [];
  const server = createServer((incoming, answer) => {
    const { method, headers } = incoming;
    const exchange: Exchange = { headers };
    exchanges.push(exchange);
    const outgoing = ask(new URL(incoming.url ?? '', recorder.target), { method, headers }, (response) => {
      exchange.contentType = response.headers['content-type'];
      answer.writeHead(response.statusCode ?? 502, response.statusMessage, response.headers);
      response.pipe(answer);
    });
    outgoing.on('error', () => answer.destroy());
    incoming.pipe(outgoing);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const stop = () => void server.close().closeAllConnections();
  const recorder: Recorder = { url: `http://127.0.0.1:${port}`, target, exchanges, stop };
  return recorder;
}
