import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { until, useGateway } from '../support/gateway.ts';

describe('the HTTP server', () => {
  const gateway = useGateway();
  const sockets: Socket[] = [];
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
  });

  function open(text: string) {
    const connection = {
      text: '',
      closed: false,
      socket: connect(Number(new URL(gateway.url).port), '127.0.0.1'),
    };
    sockets.push(connection.socket);
    connection.socket.on('data', (chunk) => {
      connection.text += chunk;
    });
    connection.socket.on('error', () => {});
    connection.socket.on('close', () => {
      connection.closed = true;
    });
    connection.socket.write(text);
    return connection;
  }

  it('rejects a body whose content-length exceeds the limit before the body arrives', async () => {
    const head = 'POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n';
    const connection = open(`${head}content-length: 5000000000\r\n\r\n{`);
    await until(() => connection.text.includes('exceeds 262144 bytes'));
    expect(connection.text).toMatch(/^HTTP\/1\.1 413 /);
  });

  it('closes the connection of a rejected body that never ends', async () => {
    const connection = open(
      'POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n',
    );
    const chunk = `10000\r\n${' '.repeat(65_536)}\r\n`;
    const pump = setInterval(() => connection.socket.writable && connection.socket.write(chunk), 1);
    try {
      await until(() => connection.closed);
    } finally {
      clearInterval(pump);
    }
    expect(connection.text).toMatch(/^HTTP\/1\.1 413 /);
    expect((await gateway.fetch('/livez')).status).toBe(200);
  });

  it.each([
    ['OPTIONS /nowhere', 404],
    ['OPTIONS *', 404],
    ['DELETE /livez', 405],
    ['HEAD /livez', 200],
    ['GET http://any.example/livez', 200],
    ['GET http://any.example/livez?x', 200],
    ['GET /livez/', 404],
  ])('answers %s with status %i', async (requestLine, status) => {
    const connection = open(`${requestLine} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
    await until(() => connection.closed);
    expect(connection.text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  });

  it('accepts a question mark inside the query of a GET', async () => {
    const query = encodeURIComponent('# is this it').concat('?%0A{__typename}');
    const response = await gateway.fetch(`/graphql?query=${query}`, {
      headers: { 'apollo-require-preflight': '1' },
    });
    expect(await response.json()).toEqual({ data: { __typename: 'Query' } });
  });
});
