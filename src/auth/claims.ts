import { createHash } from 'node:crypto';
import { toUuid } from '../text.ts';
import type { Identity } from './tenant.ts';

/** The verified claims of a token, by name. */
type Payload = Readonly<Record<string, unknown>>;

export type ClaimNames = {
  /** The claim with the id, or the list of ids, of the customers that the caller may see. */
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
  const customerIds = new Set(toIds(readOwn(payload, customerClaim)));
  const accessKey = [...customerIds].sort().join();
  return { name, accessKey, maySee: (customerId) => customerIds.has(customerId) };
}

function toIds(claim: unknown): string[] {
  return [claim].flat().flatMap((id) => toUuid(id) ?? []);
}

/** `scope` is a string of scopes separated by spaces (RFC 8693, section 4.2); some issuers write `scp`, or a list. */
function readScopes(payload: Payload): unknown[] {
  return [readOwn(payload, 'scope'), readOwn(payload, 'scp')].flatMap((scope) =>
    typeof scope === 'string' ? scope.split(' ') : [scope].flat(),
  );
}

/** Ignores inherited properties: a claim name such as `constructor` comes from the configuration. */
function readOwn(payload: Payload, name: string): unknown {
  return Object.hasOwn(payload, name) ? payload[name] : undefined;
}

/** 132 bits of the subject's hash. */
function toName(subject: string): string {
  return createHash('sha256').update(subject).digest('base64url').slice(0, 22);
}
