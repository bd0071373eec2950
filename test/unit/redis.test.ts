import { describe, expect, it } from '@jest/globals';
import * as library from '@redis/client';
import { createServerClient, type Library } from '../../src/redis/clients.ts';
import { createHealth } from '../../src/redis/health.ts';
import { createMessages } from '../../src/redis/messages.ts';
import type { GatewayEvent } from '../../src/telemetry/events.ts';

const noPermission = "NOPERM this user has no permissions to run the 'del' command";
const noMemory = "OOM command not allowed when used memory > 'maxmemory'.";

function startHealth() {
  const clock = { ms: 0 };
  const events: GatewayEvent[] = [];
  const health = createHealth({
    emit: (event) => events.push(event),
    monotonic: () => clock.ms,
    onProblem: () => {},
  });
  const states = () => events.flatMap((event) => (event.type === 'redisChanged' ? [event.state] : []));
  const refusals = () => events.flatMap((event) => (event.type === 'redisRefused' ? [event.command] : []));
  return { clock, health, states, refusals };
}

describe('the health of Redis', () => {
  it('does not come up by a single command while another server of the cluster may be down', () => {
    const { health, states } = startHealth();
    health.recordWritable();
    health.recordFailure('a server does not answer');
    health.recordSuccess('SET');
    expect(states()).toEqual(['up', 'down']);
    health.recordWritable();
    expect(states()).toEqual(['up', 'down', 'up']);
  });

  it('stays refusing until the refused command succeeds', () => {
    const { health, states } = startHealth();
    health.recordWritable();
    health.recordRefusal('DEL', noPermission);
    health.recordSuccess('SET');
    health.recordWritable();
    expect(states()).toEqual(['up', 'refusing']);
    health.recordSuccess('DEL');
    expect(states()).toEqual(['up', 'refusing', 'up']);
  });

  it('comes up by any write after all writes were refused because memory was full', () => {
    const { health, states } = startHealth();
    health.recordWritable();
    health.recordRefusal('EVAL', noMemory);
    health.recordRefusal('SET', noMemory);
    health.recordSuccess('MGET');
    expect(states()).toEqual(['up', 'refusing']);
    health.recordSuccess('SET');
    expect(states()).toEqual(['up', 'refusing', 'up']);
  });

  it('comes up five minutes after a refusal if the refused command is not sent again', () => {
    const { clock, health, states } = startHealth();
    health.recordWritable();
    health.recordRefusal('DEL', noPermission);
    clock.ms = 299_999;
    health.recordWritable();
    expect(states()).toEqual(['up', 'refusing']);
    clock.ms = 300_000;
    health.recordWritable();
    expect(states()).toEqual(['up', 'refusing', 'up']);
  });

  it('reports one refused command a minute', () => {
    const { clock, health, refusals } = startHealth();
    for (const ms of [0, 500, 59_999, 60_000, 60_500]) {
      clock.ms = ms;
      health.recordRefusal('SET', noMemory);
    }
    expect(refusals()).toEqual(['SET', 'SET']);
  });

  it('reports each refused command of several', () => {
    const { health, refusals } = startHealth();
    for (const command of ['DEL', 'SET', 'DEL', 'SET']) health.recordRefusal(command, noPermission);
    expect(refusals()).toEqual(['DEL', 'SET']);
  });

  it('is reported as down once if Redis never comes up', () => {
    const { health, states } = startHealth();
    health.recordFailure('connect ECONNREFUSED');
    health.recordFailure('connect ECONNREFUSED');
    expect(states()).toEqual(['down']);
  });
});

function startMessages() {
  const clock = { ms: 0 };
  const hearing: boolean[] = [];
  const messages = createMessages(
    () => clock.ms,
    (isHearing) => hearing.push(isHearing),
  );
  return { clock, hearing, messages };
}

describe('messages of Redis', () => {
  it('are reported as missing 1250 ms after the last one, and as received by the next one', () => {
    const { clock, hearing, messages } = startMessages();
    messages.receive('', 'heartbeat');
    clock.ms = 1250;
    messages.check();
    expect(hearing).toEqual([true]);
    clock.ms = 1251;
    messages.check();
    expect(hearing).toEqual([true, false]);
    messages.receive('', 'heartbeat');
    expect(hearing).toEqual([true, false, true]);
  });

  it('are reported as received again after an interruption, even a short one', () => {
    const { hearing, messages } = startMessages();
    messages.receive('', 'heartbeat');
    messages.interrupt();
    messages.receive('', 'heartbeat');
    messages.receive('', 'heartbeat');
    expect(hearing).toEqual([true, true]);
  });

  it('count as undelivered after three heartbeats that Redis took, until one arrives', () => {
    const { messages } = startMessages();
    for (let n = 0; n < 2; n += 1) messages.countHeartbeat();
    expect(messages.isUndelivered()).toBe(false);
    messages.countHeartbeat();
    expect(messages.isUndelivered()).toBe(true);
    messages.receive('', 'heartbeat');
    expect(messages.isUndelivered()).toBe(false);
  });

  it('reach the listener of their channel alone', () => {
    const { messages } = startMessages();
    const received: string[] = [];
    messages.subscribe('one', (message) => received.push(`one ${message}`));
    messages.subscribe('two', (message) => received.push(`two ${message}`));
    expect(messages.channels()).toEqual(['one', 'two']);
    messages.receive('a', 'two');
    messages.receive('b', 'three');
    expect(received).toEqual(['two a']);
  });
});

describe('a client of one server', () => {
  it('connects to the address of its own URL, not to that of an earlier client', () => {
    const addresses: unknown[] = [];
    const recording = {
      ...library,
      createClient: (options: Parameters<Library['createClient']>[0]) => {
        const client = library.createClient(options);
        addresses.push(client.options?.socket);
        return client;
      },
    } as unknown as Library;
    const ignored = { onReady: () => {}, onError: () => {}, onInterrupted: () => {} };
    for (const url of ['redis://127.0.0.1:7000', 'redis://localhost'])
      createServerClient(recording, [url], ignored).close();
    expect(addresses).toMatchObject([{ host: '127.0.0.1', port: 7000 }, { host: 'localhost' }]);
    expect(addresses[1]).not.toHaveProperty('port');
  });
});
