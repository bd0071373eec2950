import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createServer as createTlsServer } from 'node:tls';
import type { createCertificate } from './certificate.ts';

export type TestProxy = {
  port: number;
  /** The target and `proxy-authorization` of each CONNECT. */
  tunnels: { target: string | undefined; authorization: string | undefined }[];
  /** The URL and headers of each request without a tunnel. */
  forwarded: { url: string | undefined; headers: NodeJS.Dict<string | string[]> }[];
  /** All bytes that clients sent through tunnels. */
  tunnelled: () => string;
  /** The answer to CONNECT; 0 closes the connection. */
  status: number;
  stop: () => void;
};

/** Only the proxy reaches this address: it is reserved for documentation (RFC 5737). */
export const hiddenAddress = '192.0.2.1';

/** A proxy on loopback that takes every host for this machine. */
export async function startProxy(): Promise<TestProxy> {
  const chunks: Buffer[] = [];
  const sockets = new Set<Duplex>();
  const server = createServer((incoming, response) => {
    proxy.forwarded.push({ url: incoming.url, headers: incoming.headers });
    const { port, pathname, search } = new URL(incoming.url ?? '');
    const { method, headers } = incoming;
    const forwarded = request(
      { host: '127.0.0.1', port, path: pathname + search, method, headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      },
    );
    incoming.pipe(forwarded);
  });
  server.on('connect', ({ url = '', headers }, socket: Duplex) => {
    proxy.tunnels.push({ target: url, authorization: headers['proxy-authorization'] });
    sockets.add(socket.on('error', () => {}));
    if (proxy.status === 0) return socket.destroy();
    if (proxy.status !== 200)
      return socket.end(`HTTP/1.1 ${proxy.status} Refused\r\ncontent-length: 0\r\n\r\n`);
    const target = connect(Number(url.split(':').at(-1)), '127.0.0.1');
    sockets.add(target.on('error', () => socket.destroy()));
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
    socket.pipe(target).pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy: TestProxy = {
    port: (server.address() as AddressInfo).port,
    tunnels: [],
    forwarded: [],
    tunnelled: () => Buffer.concat(chunks).toString('latin1'),
    status: 200,
    stop: () => {
      server.close().closeAllConnections();
      for (const socket of sockets) socket.destroy();
    },
  };
  return proxy;
}

/** TLS in front of a server on loopback; its certificate is for the hidden address. */
export async function startTls(certificate: ReturnType<typeof createCertificate>, url: string) {
  const sockets = new Set<Socket>();
  const server = createTlsServer(certificate, (socket) => {
    const target = connect(Number(new URL(url).port), '127.0.0.1');
    sockets.add(socket.on('error', () => target.destroy()));
    sockets.add(target.on('error', () => socket.destroy()));
    socket.pipe(target).pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const stop = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { url: `https://${hiddenAddress}:${port}`, port, stop };
}
