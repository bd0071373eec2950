import { createHash } from 'node:crypto';
import { toUuid } from '../text.ts';
import type { Identity } from './tenant.ts';

/** The verified claims of a token, by name. */
type Payload = Readonly<Record<string, unknown>>;

export type ClaimNames = {
  /** The claim with the id, or the list of ids, of the customers that the caller may see. Dots may lead into nested claims. */
  customerClaim: string;
  /** The scope of callers that may see every customer. */
  allCustomersScope: string;
};

/** The access of a caller that may see every customer. */
export const allCustomers = { accessKey: '*', maySee: () => true };

/** Reads the caller's name and access from the claims. A claim of an unexpected type grants nothing. */
export function readClaims(
  payload: Payload,
  { customerClaim, allCustomersScope }: ClaimNames,
): Omit<Identity, 'tenant'> {
  const name = typeof payload.sub === 'string' ? toName(payload.sub) : undefined;
  if (readScopes(payload).includes(allCustomersScope)) return { name, ...allCustomers };
  const customerIds = new Set(toIds(readPath(payload, customerClaim)));
  const accessKey = [...customerIds].sort().join();
  return { name, accessKey, maySee: (customerId) => customerIds.has(customerId) };
}

function toIds(claim: unknown): string[] {
  return [claim].flat().flatMap((id) => toUuid(id) ?? []);
}

/** `scope` is a string of scopes separated by spaces (RFC 8693, section 4.2); some issuers write `scp`, `permissions`, or a list. */
function readScopes(payload: Payload): unknown[] {
  return ['scope', 'scp', 'permissions'].flatMap((name) => {
    const scopes = readOwn(payload, name);
    return typeof scopes === 'string' ? scopes.split(' ') : [scopes].flat();
  });
}

/** A name may contain dots, such as a URL, so the claim of that name comes before nested ones, on each level. */
function readPath(claims: unknown, path: string): unknown {
  const claim = readOwn(claims, path);
  if (claim !== undefined) return claim;
  for (const { index } of path.matchAll(/\./g)) {
    const outer = readOwn(claims, path.slice(0, index));
    const nested = outer === undefined ? undefined : readPath(outer, path.slice(index + 1));
    if (nested !== undefined) return nested;
  }
  return undefined;
}

/** Names of prototypes, such as `constructor`, find nothing: claim names come from the configuration. */
function readOwn(claims: unknown, name: string): unknown {
  if (typeof claims !== 'object' || claims === null || Array.isArray(claims)) return undefined;
  return Object.hasOwn(claims, name) && !(name in Object.prototype) ? (claims as Payload)[name] : undefined;
}

/** 132 bits of the subject's hash. */
function toName(subject: string): string {
  return createHash('sha256').update(subject).digest('base64url').slice(0, 22);
}
