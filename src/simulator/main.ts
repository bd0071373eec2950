import { writeSync } from 'node:fs';
import { createSimulator } from './simulator.ts';

const { HOST = '127.0.0.1', PORT = '4900' } = process.env;
const simulator = createSimulator();
const url = await simulator.start(HOST, Number(PORT));
writeSync(1, `The Zenskar simulator answers at ${url}\n`);

const stop = () => void simulator.stop();
process.once('SIGTERM', stop).once('SIGINT', stop);
