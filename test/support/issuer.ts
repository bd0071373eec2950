import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll } from '@jest/globals';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';

type KeyPair = { kid: string; alg: string; privateKey: CryptoKey; jwk: JWK };

type TokenOptions = {
  claims?: Readonly<Record<string, unknown>>;
  header?: Readonly<Record<string, unknown>>;
  key?: KeyPair;
};

export type Issuer = {
  /** The variables of a gateway that trusts this issuer. */
  environment: () => Record<string, string>;
  /** Signs a token that is valid for ten minutes from `atMs`, with these claims in place of the defaults. */
  sign: (atMs: number, options?: TokenOptions) => Promise<string>;
  createKey: (kid: string, alg?: string) => Promise<KeyPair>;
  /** The keys in its key set. */
  published: KeyPair[];
  /** The number of requests for its key set. */
  fetches: number;
  /** A response that replaces the key set; status 0 closes the connection. */
  fault: { status: number; headers?: Record<string, string>; body?: string } | undefined;
};

export const issuerName = 'https://issuer.example.com/';
export const audience = 'totals';

/** The variables of a gateway that can fetch no keys: nothing listens at this port. */
export const unreachableIssuer = {
  AUTH_MODE: 'jwt',
  JWT_JWKS_URL: 'http://127.0.0.1:1/keys',
  JWT_ISSUER: issuerName,
  JWT_AUDIENCE: audience,
};
/** A token that may be valid as long as no keys are known. */
export const unsignedToken = ['{"alg":"RS256"}', '{}', 'signature']
  .map((part) => Buffer.from(part).toString('base64url'))
  .join('.');

/** An issuer of tokens with a server for its key set, for the tests of one file. */
export function useIssuer(): Issuer {
  const server = createServer((_, response) => {
    issuer.fetches += 1;
    const { fault } = issuer;
    if (fault?.status === 0) response.destroy();
    else if (fault === undefined)
      response.end(JSON.stringify({ keys: issuer.published.map(({ jwk }) => jwk) }));
    else response.writeHead(fault.status, fault.headers).end(fault.body);
  });
  let url = '';

  const issuer: Issuer = {
    published: [],
    fetches: 0,
    fault: undefined,
    environment: () => ({
      AUTH_MODE: 'jwt',
      JWT_JWKS_URL: url,
      JWT_ISSUER: issuerName,
      JWT_AUDIENCE: audience,
    }),
    createKey: async (kid, alg = 'RS256') => {
      const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
      return { kid, alg, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } };
    },
    sign: (atMs, { claims = {}, header = {}, key = issuer.published[0] } = {}) => {
      if (key === undefined) throw new Error('The issuer has no key yet.');
      const second = Math.floor(atMs / 1000);
      const defaults = { iss: issuerName, aud: audience, sub: 'caller', iat: second, exp: second + 600 };
      return new SignJWT({ ...defaults, ...claims })
        .setProtectedHeader({ alg: key.alg, kid: key.kid, ...header })
        .sign(key.privateKey, { crit: { unknownExtension: true } });
    },
  };

  beforeAll(async () => {
    issuer.published.push(await issuer.createKey('first'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`;
  });
  afterAll(async () => {
    server.close().closeAllConnections();
  });
  return issuer;
}
