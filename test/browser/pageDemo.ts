import { parentPort, workerData } from 'node:worker_threads';
import { startWebDemo } from '../../examples/web/startWebDemo.ts';

/** The milliseconds by which the gateway's time is ahead of real time, shared with the test that started this worker. */
const ahead: Float64Array = workerData;

const now = () => Date.now() + (ahead[0] ?? 0);
const { stop, pageUrl, simulatorUrl } = await startWebDemo({
  port: '0',
  gatewayPort: '0',
  overrides: { clock: { now, monotonic: now }, logDestination: { write: () => {} } },
});
parentPort?.postMessage({ pageUrl, simulatorUrl });
parentPort?.once('message', stop);
