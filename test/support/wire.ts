import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';

export type WireAnswer = { head: string; body: string };

export type Wire = {
  /** Sends these bytes in pieces, each of them read before the next is sent. */
  send: (...pieces: string[]) => Promise<void>;
  /** The next so many answers, in order. */
  read: (count: number) => Promise<WireAnswer[]>;
  /** Resolves when the other side has closed. */
  closed: () => Promise<void>;
  end: () => void;
};

/** One connection, byte by byte. */
export async function openWire(url: string): Promise<Wire> {
  const socket: Socket = connect(Number(new URL(url).port), '127.0.0.1').setNoDelay();
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
  });
  socket.on('error', () => {});
  await once(socket, 'connect');

  function take(): WireAnswer | undefined {
    // An interim answer is none yet.
    text = text.replace(/^HTTP\/1\.1 100 .*\r\n\r\n/, '');
    const headEnd = text.indexOf('\r\n\r\n') + 4;
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(text.slice(0, headEnd))?.[1] ?? Number.NaN);
    if (headEnd < 4 || !(text.length >= headEnd + length)) return undefined;
    const answer = { head: text.slice(0, headEnd), body: text.slice(headEnd, headEnd + length) };
    text = text.slice(headEnd + length);
    return answer;
  }

  async function read(count: number): Promise<WireAnswer[]> {
    const answers: WireAnswer[] = [];
    while (answers.length < count) {
      const answer = take();
      if (answer !== undefined) answers.push(answer);
      else if (socket.closed) throw new Error(`Closed after ${answers.length} of ${count} answers: ${text}`);
      else await turn();
    }
    return answers;
  }

  return {
    async send(...pieces) {
      for (const piece of pieces) {
        socket.write(piece, 'latin1');
        // Long enough for the other side to see it apart from the next.
        for (let n = 0; n < 4; n += 1) await turn();
      }
    },
    read,
    async closed() {
      while (!socket.closed) await turn();
    },
    end: () => socket.destroy(),
  };
}

/** A POST as a client writes it. */
export function toPost(body: object, headers: Readonly<Record<string, string>> = {}): string {
  const text = JSON.stringify(body);
  const all = { host: 'x', 'content-type': 'application/json', 'content-length': text.length, ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST /graphql HTTP/1.1\r\n${lines.join('')}\r\n${text}`;
}
