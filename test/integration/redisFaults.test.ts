import { describe, expect, it } from '@jest/globals';
import { until } from '../support/gateway.ts';
import { useRedis } from '../support/observedRedis.ts';
import { describeIfInstalled, useServers } from '../support/redis.ts';
import { createRedisServer, type RedisServer } from '../support/redisServer.ts';

function useServer(...args: string[]): RedisServer {
  const server = createRedisServer({ args });
  useServers(server);
  return server;
}

describeIfInstalled('a connection to Redis', () => {
  describe('of a primary that becomes a replica', () => {
    const server = useServer();
    const { state, reasons } = useRedis(() => [server.url]);

    it('is replaced until the server is a primary again', async () => {
      await server.command('REPLICAOF', '127.0.0.1', '1');
      await until(() => state() === 'down');
      expect(reasons()).toEqual([expect.stringMatching(/^READONLY /)]);
      await server.command('REPLICAOF', 'NO', 'ONE');
      await until(() => state() === 'up');
    });
  });

  describe('of a replica that has lost its primary', () => {
    const server = useServer('--replica-serve-stale-data', 'no');
    const { state, reasons } = useRedis(() => [server.url]);

    it('is replaced because of MASTERDOWN', async () => {
      await server.command('REPLICAOF', '127.0.0.1', '1');
      await until(() => state() === 'down');
      expect(reasons()).toEqual([expect.stringMatching(/^MASTERDOWN /)]);
      await server.command('REPLICAOF', 'NO', 'ONE');
      await until(() => state() === 'up');
    });
  });

  describe('of a primary without enough replicas', () => {
    const server = useServer();
    const { state, reasons } = useRedis(() => [server.url]);

    it('is replaced because of NOREPLICAS', async () => {
      await server.command('CONFIG', 'SET', 'min-replicas-to-write', '1');
      await until(() => state() === 'down');
      expect(reasons()).toEqual([expect.stringMatching(/^NOREPLICAS /)]);
      await server.command('CONFIG', 'SET', 'min-replicas-to-write', '0');
      await until(() => state() === 'up');
    });
  });

  describe('of a server that restarts from a large file', () => {
    // Loading 2,000 keys takes at least two seconds.
    const slowly = ['--key-load-delay', '1000', '--loading-process-events-interval-bytes', '1024'];
    const server = useServer(...slowly);
    const { state, reasons } = useRedis(() => [server.url]);

    it('is down while the file is loaded, and then up by itself', async () => {
      await server.command('DEBUG', 'POPULATE', '2000');
      await server.command('SAVE');
      await server.kill();
      await until(() => state() === 'down');
      const started = server.start();
      const isLoading = () =>
        server.command('PING').then(
          () => false,
          (error) => /^LOADING/.test(error.message),
        );
      while (!(await isLoading()));
      expect(state()).toBe('down');
      await started;
      await until(() => state() === 'up');
      expect(reasons()).toHaveLength(1);
    });
  });

  describe('that is closed by CLIENT KILL', () => {
    const server = useServer();
    const { state, reasons, hearing } = useRedis(() => [server.url]);

    it('is established again, with its subscription', async () => {
      hearing.length = 0;
      for (const type of ['normal', 'pubsub']) await server.command('CLIENT', 'KILL', 'TYPE', type);
      await until(() => reasons().length === 1 && state() === 'up');
      await until(() => hearing.length > 0);
      expect(hearing.at(-1)).toBe(true);
    });

    it('receives messages again if only its subscription is closed, and reports that some may have been missed', async () => {
      hearing.length = 0;
      await server.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
      await until(() => hearing.length > 0);
      expect(hearing.at(-1)).toBe(true);
      expect(state()).toBe('up');
    });
  });

  describe('of a server that stops answering', () => {
    const server = useServer('--busy-reply-threshold', '100');
    const { state, reasons, hearing } = useRedis(() => [server.url]);

    it('is down during DEBUG SLEEP, reports missing messages, and is up afterwards', async () => {
      const slept = server.command('DEBUG', 'SLEEP', '2');
      await until(() => state() === 'down');
      await until(() => hearing.at(-1) === false);
      await slept;
      await until(() => state() === 'up');
      await until(() => hearing.at(-1) === true);
      expect(reasons()).toEqual(['Redis gave no answer within 50 ms']);
    });

    it('is down while the process is stopped, and up afterwards', async () => {
      server.freeze();
      await until(() => state() === 'down');
      await until(() => hearing.at(-1) === false);
      server.resume();
      await until(() => state() === 'up');
      await until(() => hearing.at(-1) === true);
    });

    it('is down while a script blocks the server', async () => {
      const loop = server.command('EVAL', 'while true do end', '0').catch(() => {});
      await until(() => state() === 'down');
      while ((await server.command('SCRIPT', 'KILL').catch(() => undefined)) !== 'OK');
      await loop;
      await until(() => state() === 'up');
    });
  });

  describe('of a server whose memory is full', () => {
    const server = useServer();
    const observed = useRedis(() => [server.url]);
    const { state, refusals, hearing } = observed;

    it('reads, but is not up, names one refused command, and is up when memory is free again', async () => {
      const { redis } = observed;
      await redis.set('key', 'value', 60_000);
      await server.command('CONFIG', 'SET', 'maxmemory', '1');
      await until(() => state() === 'refusing');
      expect(await redis.set('other', 'value', 60_000)).toBeUndefined();
      expect(
        await redis
          .eval("return redis.call('INCRBY', KEYS[1], 1)", { keys: ['n'], arguments: [] })
          .catch(String),
      ).toBe('Error: Redis is unavailable.');
      expect(await redis.get('key')).toBe('value');
      expect(await redis.mGet(['key', 'none'])).toEqual(['value', null]);
      expect(refusals()).toEqual(['SET']);
      expect(state()).toBe('refusing');
      await server.command('CONFIG', 'SET', 'maxmemory', '0');
      await until(() => state() === 'up');
      expect(hearing).not.toContain(false);
    });
  });

  describe('of a user without permission for one command', () => {
    const server = useServer();
    const observed = useRedis(() => [server.url]);
    const { state, reasons, refusals } = observed;

    it('is not up, names the command, and still sends the others', async () => {
      const { redis } = observed;
      await server.command('ACL', 'SETUSER', 'default', '-del');
      expect(await redis.del('key')).toBeUndefined();
      expect(state()).toBe('refusing');
      expect(reasons()).toEqual([expect.stringMatching(/^NOPERM .*'del'/)]);
      expect(await redis.set('key', 'value', 60_000)).toBe('OK');
      expect(await redis.get('key')).toBe('value');
      expect(state()).toBe('refusing');
      expect(refusals()).toEqual(['DEL']);
      await server.command('ACL', 'SETUSER', 'default', '+del');
      expect(await redis.del('key')).toBe(1);
      expect(state()).toBe('up');
    });
  });

  describe('of a user without permission for the channels', () => {
    const server = useServer();
    const { state, refusals, reasons, hearing } = useRedis(() => [server.url]);

    it('is not up until the user may subscribe again', async () => {
      await server.command('ACL', 'SETUSER', 'default', 'resetchannels', '&other');
      await until(() => state() === 'refusing');
      await until(() => hearing.at(-1) === false);
      expect(['PUBLISH', 'SUBSCRIBE']).toContain(refusals()[0]);
      expect(reasons().at(-1)).toMatch(/^NOPERM /);
      await server.command('ACL', 'SETUSER', 'default', 'allchannels');
      await until(() => state() === 'up');
      await until(() => hearing.at(-1) === true);
    });

    it('is not up if the user may publish, but not subscribe', async () => {
      await server.command('ACL', 'SETUSER', 'default', '-subscribe');
      await server.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
      await until(() => state() === 'refusing');
      await server.command('ACL', 'SETUSER', 'default', '+subscribe');
      await until(() => state() === 'up');
      await until(() => hearing.at(-1) === true);
    });
  });

  describe('of a server that does not know HELLO and CLIENT', () => {
    const server = useServer('--rename-command', 'HELLO', '', '--rename-command', 'CLIENT', '');
    const observed = useRedis(() => [server.url]);

    it('is up and receives messages', async () => {
      expect(observed.state()).toBe('up');
      expect(observed.hearing).toEqual([true]);
      expect(await observed.redis.set('key', 'value', 60_000)).toBe('OK');
    });
  });
});
