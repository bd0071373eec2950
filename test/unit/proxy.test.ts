import { describe, expect, it } from '@jest/globals';
import { toProxy } from '../../src/config/proxy.ts';

const HTTPS_PROXY = 'http://secure.example:3128/';
const HTTP_PROXY = 'http://plain.example:3128/';

describe('toProxy', () => {
  it.each([
    ['https://api.zenskar.com', HTTPS_PROXY],
    ['HTTPS://API.Zenskar.com:8443/base', HTTPS_PROXY],
    ['http://collector:4318/v1/traces', HTTP_PROXY],
    ['http://[::1]:4318', HTTP_PROXY],
  ])('takes for %s the proxy of its scheme', (target, expected) => {
    expect(toProxy({ HTTPS_PROXY, HTTP_PROXY }, target)).toBe(expected);
  });

  it('uses no proxy of the other scheme', () => {
    expect(toProxy({ HTTP_PROXY }, 'https://api.zenskar.com')).toBeUndefined();
    expect(toProxy({ HTTPS_PROXY }, 'http://collector:4318')).toBeUndefined();
  });

  it.each([
    ['*', 'https://api.zenskar.com'],
    ['api.zenskar.com', 'https://api.zenskar.com'],
    ['zenskar.com', 'https://api.zenskar.com'],
    ['.zenskar.com', 'https://api.zenskar.com'],
    ['*.zenskar.com', 'https://api.zenskar.com'],
    ['API.ZENSKAR.COM', 'https://api.zenskar.com'],
    ['zenskar.com.', 'https://api.zenskar.com'],
    ['zenskar.com', 'https://api.zenskar.com.'],
    ['localhost, zenskar.com', 'https://api.zenskar.com'],
    ['localhost zenskar.com', 'https://api.zenskar.com'],
    ['api.zenskar.com:443', 'https://api.zenskar.com'],
    ['zenskar.com:8443', 'https://api.zenskar.com:8443'],
    ['.svc,.cluster.local', 'http://collector.observability.svc:4318'],
    ['10.1.2.3', 'https://10.1.2.3:8443'],
    ['10.0.0.0/8', 'https://10.1.2.3'],
    ['10.1.2.3:8443', 'https://10.1.2.3:8443'],
    ['0.0.0.0/0', 'https://10.1.2.3'],
    ['::1', 'http://[::1]:4900'],
    ['[::1]', 'http://[::1]:4900'],
    ['[::1]:4900', 'http://[::1]:4900'],
    ['0:0:0:0:0:0:0:1', 'http://[::1]:4900'],
    ['fd00::/8', 'https://[fd12::1]'],
    ['[fd00::]/8', 'https://[fd12::1]'],
  ])('uses no proxy with NO_PROXY=%s for %s', (NO_PROXY, target) => {
    expect(toProxy({ HTTPS_PROXY, HTTP_PROXY, NO_PROXY }, target)).toBeUndefined();
  });

  it.each([
    ['', 'https://api.zenskar.com'],
    [',', 'https://api.zenskar.com'],
    ['askar.com', 'https://api.zenskar.com'],
    ['api.zenskar', 'https://api.zenskar.com'],
    ['zenskar.com.evil.example', 'https://api.zenskar.com'],
    ['api.zenskar.com:8443', 'https://api.zenskar.com'],
    ['api.zenskar.com:443', 'https://api.zenskar.com:8443'],
    ['10.0.0.0/8', 'https://11.1.2.3'],
    ['10.0.0.0/33', 'https://10.0.0.0'],
    ['10.0.0.0/x', 'https://10.0.0.0'],
    ['10.0.0.0/', 'https://10.0.0.0'],
    ['10.0.0.0/8.5', 'https://10.0.0.0'],
    ['10.0.0.0/0x8', 'https://10.0.0.0'],
    ['0', 'https://10.1.2.0'],
    ['::/0', 'https://10.1.2.3'],
    ['fd00::/8', 'https://[fe80::1]'],
    ['10.0.0.0/8', 'https://api.zenskar.com'],
    ['[::1]:4901', 'https://[::1]:4900'],
    [':', 'https://api.zenskar.com'],
    ['//', 'https://api.zenskar.com'],
  ])('uses the proxy with NO_PROXY=%s for %s', (NO_PROXY, target) => {
    expect(toProxy({ HTTPS_PROXY, HTTP_PROXY, NO_PROXY }, target)).toBe(HTTPS_PROXY);
  });
});
