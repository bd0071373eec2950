import type { ServerResponse } from 'node:http';
import { finished, type Readable } from 'node:stream';

export type LingerLimits = {
  /** In milliseconds. */
  lingerTimeout: number;
  lingerBytes: number;
};

/**
 * Sends the body of a response whose client is still sending the request, and closes this side of the connection. Then reads and drops
 * the rest of the request: a connection that is closed with unread bytes is reset, and the client could lose the response
 * (RFC 9112, section 9.6).
 */
export function endEarly(response: ServerResponse, body: string | Buffer, limits: LingerLimits): void {
  const { req: request } = response;
  // Not sooner: responses to earlier requests on the same connection may have to be sent first.
  if (body.length > 0 && request.method !== 'HEAD') response.write(body, () => request.socket.end());
  else {
    response.flushHeaders();
    // Without a socket, it waits for those responses, and the limits close the connection.
    response.socket?.end();
  }
  dropRest(request, limits);
  finished(request, () => response.end());
}

/** Reads and drops what still arrives, within the limits. */
export function dropRest(source: Readable, limits: LingerLimits): void {
  let size = 0;
  const timer = setTimeout(() => source.destroy(), limits.lingerTimeout);
  source.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > limits.lingerBytes) source.destroy();
  });
  finished(source, () => clearTimeout(timer));
}
