import { createHash } from 'node:crypto';
import { toUuid } from '../text.ts';
import { allCustomers, type Identity } from './identity.ts';

/** The verified claims of a token, by name. */
type Payload = Readonly<Record<string, unknown>>;

export type ClaimNames = {
  /** The claim that holds the id, or the list of ids, of the customers that the caller may see. */
  customerClaim: string;
  /** The scope of a caller that may see every customer. */
  allCustomersScope: string;
};

/** What a token says of its bearer. A claim of another shape than expected grants nothing. */
export function readClaims(
  payload: Payload,
  { customerClaim, allCustomersScope }: ClaimNames,
): Omit<Identity, 'tenant'> {
  const name = typeof payload.sub === 'string' ? toName(payload.sub) : undefined;
  if (scopesOf(payload).includes(allCustomersScope)) return { name, ...allCustomers };
  const customerIds = new Set(idsOf(own(payload, customerClaim)));
  const accessKey = [...customerIds].sort().join();
  return { name, accessKey, maySee: (customerId) => customerIds.has(customerId) };
}

function idsOf(claim: unknown): string[] {
  return [claim].flat().flatMap((id) => toUuid(id) ?? []);
}

/** `scope` is a text of scopes between spaces (RFC 8693, section 4.2); some issuers write `scp`, or a list. */
function scopesOf(payload: Payload): unknown[] {
  return [own(payload, 'scope'), own(payload, 'scp')].flatMap((scope) =>
    typeof scope === 'string' ? scope.split(' ') : [scope].flat(),
  );
}

/** Of the token alone, whatever the name: objects inherit things, too. */
function own(payload: Payload, name: string): unknown {
  return Object.hasOwn(payload, name) ? payload[name] : undefined;
}

function toName(subject: string): string {
  return createHash('sha256').update(subject).digest('base64url').slice(0, 22);
}
