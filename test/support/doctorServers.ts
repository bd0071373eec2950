import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';
import { afterAll, beforeAll } from '@jest/globals';
import { createSimulator } from '../../src/simulator/simulator.ts';

/** A simulator for the tests of this file, and servers that they start in place of others; all end with the file. */
export function useDoctorServers() {
  const simulator = createSimulator();
  const servers: Server[] = [];
  const used = {
    simulator,
    /** The URL of the simulator. */
    simulated: '',
    /** Resolves to the port. */
    async listen(server: Server): Promise<number> {
      servers.push(server);
      await once(server.listen(0, '127.0.0.1'), 'listening');
      return (server.address() as AddressInfo).port;
    },
  };
  beforeAll(async () => {
    used.simulated = await simulator.start('127.0.0.1', 0);
  });
  afterAll(async () => {
    await simulator.stop();
    for (const server of servers) server.close();
  });
  return used;
}
