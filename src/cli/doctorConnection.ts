import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

const timeoutMs = 3000;
const isLost = /closed|ECONNRESET|EPIPE/;
/** Failures that a server with TLS and a client without may cause, or the other way round, or a missing client certificate. */
const mayBeTls = /timeout|closed|ECONNRESET|EPIPE|EPROTO|SSL|TLS|disconnected/i;

/**
 * Why there is no connection to the Redis at this URL, found out by others: that it speaks no TLS, or TLS, that it requires a certificate,
 * or the error with which it closes connections. Undefined if they show no more than the reason.
 */
export async function explainConnection(url: string, reason: string): Promise<string | undefined> {
  if (!mayBeTls.test(reason)) return undefined;
  const { protocol, hostname, port } = new URL(url);
  const target = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 6379) };
  // It sends nothing, so it does not matter who answers.
  const openTls = () => connectTls({ ...target, rejectUnauthorized: false });
  if (protocol === 'rediss:') {
    const plain = connect(target);
    plain.write('PING\r\n');
    // Redis replies, or says that it needs a password.
    if (/^[+-]/.test(await firstOf('data', plain))) return 'without TLS';
    const alert = await firstOf('data', openTls());
    return /certificate required|handshake failure/.test(alert) ? 'certificate required' : undefined;
  }
  // Without a command, Redis sends only an error, which may be lost if it closes the connection before it has read one.
  const error = isLost.test(reason) ? await firstOf('data', connect(target)) : '';
  if (error.startsWith('-')) return error.slice(1).trim();
  return (await firstOf('secureConnect', openTls())) === 'secureConnect' ? 'with TLS' : undefined;
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
