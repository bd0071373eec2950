import { writeSync } from 'node:fs';
import { createSimulator } from './simulator.ts';

const simulator = createSimulator();
const stop = () => void simulator.stop();
process.once('SIGTERM', stop).once('SIGINT', stop);

try {
  const { HOST, PORT } = process.env;
  const url = await simulator.start(HOST || '127.0.0.1', Number(PORT || '4900'));
  writeSync(1, `The Zenskar simulator listens on ${url}\n`);
} catch (error) {
  writeSync(2, `The simulator cannot start: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}
