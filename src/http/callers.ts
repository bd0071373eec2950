import type { Authenticate, Identity } from '../auth/identity.ts';
import type { RateLimit } from '../auth/rateLimiter.ts';
import type { Config } from '../config/config.ts';
import { createClientAddress } from './clientAddress.ts';
import type { Asked } from './route.ts';

export type CallerDependencies = {
  identify: Authenticate;
  /** Undefined where there is none. */
  limit: RateLimit | undefined;
  config: Config;
};

export type Callers = {
  /** Who asks; undefined where the explorer's page is asked for. Rejects where they are not known. */
  identify: (asked: Asked) => Promise<Identity | undefined>;
  /** Takes so many units from what this caller has left; undefined where there is no limit. */
  chargeOf: (asked: Asked, identity: Identity | undefined) => ((units: number) => Promise<void>) | undefined;
};

/** Knows who asks, and how often they may. */
export function createCallers({ identify, limit, config }: CallerDependencies): Callers {
  const addressOf = createClientAddress(config.TRUSTED_PROXIES);

  function nameOf(asked: Asked, identity: Identity | undefined): string {
    return `${identity?.tenant.scope ?? ''}/${identity?.name ?? addressOf(asked)}`;
  }

  function chargeOf(asked: Asked, identity: Identity | undefined) {
    if (limit === undefined) return undefined;
    const name = nameOf(asked, identity);
    return (units: number) => limit.charge(name, units);
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

  return { identify: identifyOrCharge, chargeOf };
}

function wantsPage({ method, headers }: Asked): boolean {
  return method === 'GET' && headers.accept?.includes('text/html') === true;
}
