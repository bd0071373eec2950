import { afterAll, afterEach, beforeAll } from '@jest/globals';
import { createSimulator, type SimulatorState } from '../../src/simulator/simulator.ts';
import { type Process, runGateway } from './process.ts';

type GatewayProcesses = {
  simulator: SimulatorState;
  /** Runs the gateway in front of the simulator until the end of the test. */
  start: typeof runGateway;
};

/** A simulator for the gateway processes that the tests of one file start. */
export function useGatewayProcesses(): GatewayProcesses {
  const simulator = createSimulator();
  const running: Process[] = [];
  let upstream = '';
  beforeAll(async () => {
    upstream = await simulator.start('127.0.0.1', 0);
  });
  afterEach(async () => {
    for (const { signal, stopReading, exited } of running.splice(0)) {
      signal('SIGKILL');
      stopReading();
      await exited;
    }
  });
  afterAll(() => simulator.stop());

  function start(...[environment, options]: Parameters<typeof runGateway>): Process {
    const gateway = runGateway({ ZENSKAR_URL: upstream, ADMIN_PORT: '0', ...environment }, options);
    running.push(gateway);
    return gateway;
  }
  return { simulator: simulator.state, start };
}
