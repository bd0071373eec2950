import type { IncomingHttpHeaders } from 'node:http';
import type { Tenant } from './tenant.ts';

/** Who asks. */
export type Identity = {
  tenant: Tenant;
  /** Tells callers of one tenant apart; undefined where nothing does. A hash, from which nobody can be named. */
  name: string | undefined;
  /** Equal for callers of one tenant that may see the same, and for no others. */
  accessKey: string;
  /** Whether this caller may see the totals of the customer with this id, in canonical form. */
  maySee: (customerId: string) => boolean;
};

/** Reads from a request's headers who asks; fails with `UNAUTHENTICATED` where they do not say. */
export type Authenticate = (headers: IncomingHttpHeaders) => Identity | Promise<Identity>;

/** What a caller sees that may see every customer. */
export const allCustomers = { accessKey: '*', maySee: () => true };
