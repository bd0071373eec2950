import { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, expect, it, jest } from '@jest/globals';
import { createVerbatim } from '../../src/http/verbatim.ts';

/** A connection whose parser makes a request of each chunk. */
function createConnection(recall = () => 'answer') {
  const parsed: IncomingMessage[] = [];
  const written: string[] = [];
  const verbatim = createVerbatim(recall);
  const write = (text: string) => written.push(text);
  const socket = Object.assign(new EventEmitter(), { writableLength: 0, write, destroy: jest.fn() });
  socket.on('data', (chunk: Buffer) => {
    const [, host = ''] = /host: (\S+)/.exec(String(chunk)) ?? [];
    const said = { method: 'POST', url: '/graphql', httpVersion: '1.1', rawHeaders: ['host', host] };
    const request = { ...said, headers: { host }, socket } as unknown as IncomingMessage;
    parsed.push(request);
    verbatim.hear(request);
  });
  const send = (host = 'x') =>
    socket.emit('data', Buffer.from(`POST /graphql HTTP/1.1\r\nhost: ${host}\r\n\r\n{}`));
  const answer = (request: IncomingMessage | undefined) => {
    const response = new EventEmitter() as ServerResponse;
    verbatim.learn({
      request: request as IncomingMessage,
      response,
      posted: { text: '{}', crc: 0 },
      ownHeaders: {},
    });
    return () => response.emit('finish');
  };
  return { socket, parsed, written, send, answer };
}

describe('bytes that came before', () => {
  it('are not parsed again once their answer is written', () => {
    const { parsed, written, send, answer } = createConnection();
    send();
    answer(parsed[0])();
    send();
    const finish = answer(parsed[1]);
    send();
    expect([parsed.length, written]).toEqual([3, []]);
    finish();
    answer(parsed[2])();
    send();
    expect([parsed.length, written]).toEqual([3, ['answer']]);
  });

  it('are parsed while the same bytes wait for an answer that took longer', () => {
    const { parsed, written, send, answer } = createConnection();
    for (let n = 0; n < 2; n += 1) {
      send();
      answer(parsed[n])();
    }
    send();
    send();
    // The first of the two, when the second has come.
    answer(parsed[2])();
    send();
    expect([parsed.length, written]).toEqual([5, []]);
  });

  it('end the connection and nothing else where the answer fails', () => {
    const { socket, parsed, send, answer } = createConnection(() => {
      throw new Error('broken');
    });
    for (let n = 0; n < 3; n += 1) {
      send();
      answer(parsed[n])();
    }
    expect(socket.destroy).not.toHaveBeenCalled();
    send();
    expect([parsed.length, socket.destroy.mock.calls.length]).toEqual([3, 1]);
  });

  it('are parsed for good once eight in a row, their own first among them, had never come before', () => {
    const askAfter = (others: number) => {
      const { parsed, written, send, answer } = createConnection();
      for (let n = 0; n < others; n += 1) {
        send(`other-${n}`);
        answer(parsed[n])();
      }
      for (let n = 0; n < 5; n += 1) {
        send();
        if (written.length === 0) answer(parsed[others + n])();
      }
      return written.length > 0;
    };
    expect([askAfter(6), askAfter(7)]).toEqual([true, false]);
  });

  it('are parsed while the client does not read', () => {
    const { socket, parsed, written, send, answer } = createConnection();
    for (let n = 0; n < 3; n += 1) {
      send();
      answer(parsed[n])();
    }
    socket.writableLength = 1;
    send();
    socket.writableLength = 0;
    expect([parsed.length, written]).toEqual([4, []]);
    answer(parsed[3])();
    send();
    expect([parsed.length, written]).toEqual([4, ['answer']]);
  });
});
