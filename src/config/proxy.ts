import { BlockList, isIP } from 'node:net';
import type { Config } from './config.ts';

type ProxySettings = Partial<Pick<Config, 'HTTPS_PROXY' | 'HTTP_PROXY' | 'NO_PROXY'>>;

/** The variable that names the proxy for calls to this URL. */
export function toProxyVariable(target: string): 'HTTPS_PROXY' | 'HTTP_PROXY' {
  return new URL(target).protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY';
}

/**
 * The URL of the proxy for calls to this URL; undefined if they need none. Decided here for all HTTP clients, because Node and undici
 * read `NO_PROXY` in different ways. As with curl, `example.com` includes its subdomains, and networks such as 10.0.0.0/8 are possible.
 */
export function toProxy(config: ProxySettings, target: string): string | undefined {
  const proxy = config[toProxyVariable(target)];
  const entries = (config.NO_PROXY ?? '').split(/[\s,]+/).filter(Boolean);
  return proxy === undefined || entries.some((entry) => includes(entry, target)) ? undefined : proxy;
}

function includes(entry: string, target: string): boolean {
  const { hostname, port, protocol } = new URL(target);
  const [, bracketed, name, entryPort] = /^(?:\[(.+)\]|([^:]+|.*:.*:.*?))(?::(\d+))?$/.exec(entry) ?? [];
  const entryHost = bracketed ?? name?.replace(/^\[(.+)\]\//, '$1/') ?? '';
  if (entryPort !== undefined && entryPort !== (port || (protocol === 'https:' ? '443' : '80'))) return false;
  const host = hostname.replace(/^\[|\]$|\.$/g, '');
  if (entryHost === '*') return true;
  if (isIP(host) !== 0) return isInNetwork(host, entryHost);
  const domain = entryHost
    .toLowerCase()
    .replace(/^\*?\./, '')
    .replace(/\.$/, '');
  return host === domain || host.endsWith(`.${domain}`);
}

/** `network`: one address, or addresses with a common prefix. */
function isInNetwork(host: string, network: string): boolean {
  const [address = '', prefix] = network.split('/');
  const family = isIP(address);
  const maxPrefix = family === 6 ? 128 : 32;
  const length = prefix === undefined ? maxPrefix : Number(/^\d+$/.exec(prefix)?.[0]);
  if (family !== isIP(host) || !(length <= maxPrefix)) return false;
  const list = new BlockList();
  const type = family === 6 ? 'ipv6' : 'ipv4';
  list.addSubnet(address, length, type);
  return list.check(host, type);
}
