import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

const timeoutMs = 3000;
/** Failures that a server with TLS and a client without may cause, or the other way round, or a missing client certificate. */
const ambiguous = /timeout|closed|ECONNRESET|EPIPE|EPROTO|SSL|TLS|disconnected/i;

/** What is wrong with the scheme of a URL of Redis, or with TLS itself; undefined if nothing is, or if that is not known. */
export async function describeTls(url: string, reason: string): Promise<string | undefined> {
  if (!ambiguous.test(reason)) return undefined;
  const { protocol, hostname, port } = new URL(url);
  const target = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 6379) };
  // It sends nothing, so it does not matter who answers.
  const secureTarget = { ...target, rejectUnauthorized: false };
  if (protocol === 'redis:')
    return (await firstOf('secureConnect', connectTls(secureTarget))) === 'secureConnect'
      ? 'with TLS'
      : undefined;
  const plain = connect(target);
  plain.write('PING\r\n');
  // Redis replies, or says that it needs a password.
  if (/^[+-]/.test(await firstOf('data', plain))) return 'without TLS';
  const alert = await firstOf('data', connectTls(secureTarget));
  return /certificate required|handshake failure/.test(alert) ? 'certificate required' : undefined;
}

/** Waits for this event or the end of the connection. Resolves to the data, the name of an event without, or the error. */
function firstOf(event: 'data' | 'secureConnect', socket: Socket): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const end = (text: string) => {
    resolve(text);
    socket.destroy();
  };
  socket
    .setTimeout(timeoutMs, () => end('timeout'))
    .on('error', ({ message }) => end(message))
    .on('close', () => end('close'))
    .on(event, (data: unknown = event) => end(String(data)));
  return promise;
}
