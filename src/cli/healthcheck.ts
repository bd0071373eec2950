// The image's HEALTHCHECK. A file of its own, because the image has no shell tool that sends HTTP requests.
import { get } from 'node:http';

/** Which address reaches a listener on all addresses. */
const loopbacks: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

const { HOST, PORT = '' } = process.env;
const address = (HOST || '127.0.0.1').replace(/^\[(.+)\]$/, '$1');
const host = loopbacks[address] ?? address;
// The gateway as well ignores a PORT that Kubernetes sets for a service.
const port = /^\d+$/.test(PORT) ? Number(PORT) : 4000;
// Without the global agent, which goes through a proxy with NODE_USE_ENV_PROXY.
const request = get({ host, port, path: '/livez', agent: false }, ({ statusCode }) =>
  end(statusCode === 200),
);
request.on('error', () => end(false));

function end(isHealthy: boolean): never {
  process.exit(isHealthy ? 0 : 1);
}
