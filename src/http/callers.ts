import type { Identify, Identity } from '../auth/identity.ts';
import type { Charge } from '../auth/rateLimit.ts';
import type { Config } from '../config.ts';
import { createClientAddress } from './clientAddress.ts';
import type { Asked } from './route.ts';

export type CallerDependencies = {
  identify: Identify;
  /** Undefined where there is no limit. */
  charge: Charge | undefined;
  config: Config;
};

export type Callers = {
  /** Who asks; undefined where the explorer's page is asked for. Rejects where they are not known. */
  identify: (asked: Asked) => Promise<Identity | undefined>;
  /** The same, where nobody has to be asked for it and no limit looked at. */
  identifyAtOnce: (asked: Asked) => Identity | undefined;
  /** Takes so many units from what this caller has left; undefined where there is no limit. */
  chargeOf: (asked: Asked, identity: Identity | undefined) => ((units: number) => Promise<void>) | undefined;
};

/** Knows who asks, and how often they may. */
export function createCallers({ identify, charge: limit, config }: CallerDependencies): Callers {
  const addressOf = createClientAddress(config.TRUSTED_PROXIES);

  function chargeOf(asked: Asked, identity: Identity | undefined) {
    if (limit === undefined) return undefined;
    const caller = `${identity?.tenant.scope ?? ''}/${identity?.name ?? addressOf(asked)}`;
    return (units: number) => limit(caller, units);
  }

  /** The explorer's page holds nothing, and no browser can say who it fetches it for. */
  async function identifyOrCharge(asked: Asked): Promise<Identity | undefined> {
    if (config.GRAPHQL_EXPLORER !== 'off' && wantsPage(asked)) return undefined;
    try {
      return await identify(asked.headers);
    } catch (error) {
      // Whoever is not known is charged as well, by its address, or guessing would be free.
      await chargeOf(asked, undefined)?.(1);
      throw error;
    }
  }

  function identifyAtOnce({ headers }: Asked): Identity | undefined {
    if (limit !== undefined) return undefined;
    try {
      const identity = identify(headers);
      if (!(identity instanceof Promise)) return identity;
      // It is asked for again in a moment, by whom its failure is told.
      identity.catch(() => {});
      return undefined;
    } catch {
      return undefined;
    }
  }
  return { identify: identifyOrCharge, identifyAtOnce, chargeOf };
}

function wantsPage({ method, headers }: Asked): boolean {
  return method === 'GET' && headers.accept?.includes('text/html') === true;
}
