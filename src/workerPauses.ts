import { z } from 'zod';
import {
  createPauseMemory,
  type PauseChannel,
  type SharedPause,
  sharedPause,
} from './zenskar/pauseChannel.ts';

const pauseMessage = z.object({ type: z.literal('pause'), pause: sharedPause });
const toPrimary = z.discriminatedUnion('type', [pauseMessage, z.object({ type: z.literal('readPauses') })]);

/** A worker as its primary sees it. */
type Recipient = {
  send: (message: object, handle: undefined, onSent: () => void) => unknown;
};

/** In the primary: passes the pauses of a worker on to the others, and to workers that start before the pauses end. */
export type PauseRelay = {
  /** Takes any message of a worker, and ignores those that are not about pauses. */
  receive: (message: unknown, from: Recipient) => void;
  /** The worker has ended. */
  remove: (worker: Recipient) => void;
};

export function createPauseRelay(monotonic: () => number): PauseRelay {
  const memory = createPauseMemory(monotonic);
  // A worker that is still starting would read the message late, and take it for a new pause.
  const listening = new Set<Recipient>();

  function receive(message: unknown, from: Recipient): void {
    const parsed = toPrimary.safeParse(message);
    if (!parsed.success) return;
    if (parsed.data.type === 'readPauses') {
      listening.add(from);
      for (const pause of memory.current()) sendPause(from, pause);
      return;
    }
    const { pause } = parsed.data;
    memory.remember(pause);
    for (const worker of listening) if (worker !== from) sendPause(worker, pause);
  }
  return { receive, remove: (worker) => void listening.delete(worker) };
}

function sendPause(worker: Recipient, pause: SharedPause): void {
  // Without a callback, sending to a worker whose channel is closed would end the primary with an error.
  worker.send({ type: 'pause', pause }, undefined, () => {});
}

/** A worker process as it sees itself. */
type WorkerProcess = {
  send?: (message: object, handle: undefined, options: undefined, onSent: () => void) => unknown;
  on: (event: 'message', listener: (message: unknown) => void) => unknown;
};

export type WorkerPauses = PauseChannel & {
  /** Begins to receive messages, and asks for the pauses of other workers. Earlier messages wait in the process' channel. */
  start: () => void;
};

/** In a worker: shares pauses with the other workers through the primary. */
export function createWorkerPauses(worker: WorkerProcess = process): WorkerPauses {
  let onPause: (pause: SharedPause) => void = () => {};
  // The primary ends its workers: the failure of a message to it needs no handling.
  const send = (message: object) => void worker.send?.(message, undefined, undefined, () => {});

  function receive(message: unknown): void {
    const parsed = pauseMessage.safeParse(message);
    if (parsed.success) onPause(parsed.data.pause);
  }
  return {
    share: (pause) => send({ type: 'pause', pause }),
    listen(listener) {
      onPause = listener;
    },
    start() {
      worker.on('message', receive);
      send({ type: 'readPauses' });
    },
  };
}
