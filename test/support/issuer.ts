import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll } from '@jest/globals';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';

type KeyPair = { kid: string; alg: string; privateKey: CryptoKey; jwk: JWK };

type Wanted = {
  claims?: Readonly<Record<string, unknown>>;
  header?: Readonly<Record<string, unknown>>;
  key?: KeyPair;
};

export type Issuer = {
  /** What a gateway needs to trust this issuer. */
  environment: () => Record<string, string>;
  /** Signs a token that is valid for ten minutes from `atMs`, with the claims laid over the usual ones. */
  sign: (atMs: number, wanted?: Wanted) => Promise<string>;
  createKey: (kid: string, alg?: string) => Promise<KeyPair>;
  /** What it publishes. */
  published: KeyPair[];
  /** How often its keys were asked for. */
  fetches: number;
  /** What it answers in place of its keys. */
  fault: { status: number; headers?: Record<string, string>; body?: string } | undefined;
};

export const issuerName = 'https://issuer.example.com/';
export const audience = 'totals';

/** An issuer of tokens with a server for its keys, for the tests of one file. */
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
      const usual = { iss: issuerName, aud: audience, sub: 'somebody', iat: second, exp: second + 600 };
      return new SignJWT({ ...usual, ...claims })
        .setProtectedHeader({ alg: key.alg, kid: key.kid, ...header })
        .sign(key.privateKey, { crit: { unheardOf: true } });
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
