import type { Authenticate, Identity } from '../auth/authenticate.ts';
import type { RateLimiter } from '../auth/rateLimiter.ts';
import type { Config } from '../config/config.ts';
import { createClientAddress } from './clientAddress.ts';
import type { Asked } from './route.ts';

export type CallerDependencies = {
  identify: Authenticate;
  /** Undefined where there is none. */
  limit: RateLimiter | undefined;
  config: Config;
};

export type Callers = {
  /** Who asks; undefined where the explorer's page is asked for. Rejects where they are not known. */
  identify: (asked: Asked) => Promise<Identity | undefined>;
  /** The same, where nobody has to be asked for it. */
  identifyAtOnce: (asked: Asked) => Identity | undefined;
  /** Takes so many units from what this caller has left; undefined where there is no limit. */
  chargeOf: (asked: Asked, identity: Identity | undefined) => ((units: number) => Promise<void>) | undefined;
  /** The same, where nobody has to be asked for it: whether that was enough. Undefined where there is a limit. */
  chargeAtOnce: ((asked: Asked, identity: Identity, units: number) => boolean) | undefined;
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
    return (points: number) => limit.consume(name, points);
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

  const chargeAtOnce: Callers['chargeAtOnce'] = limit === undefined ? () => true : undefined;
  return { identify: identifyOrCharge, identifyAtOnce, chargeOf, chargeAtOnce };
}

function wantsPage({ method, headers }: Asked): boolean {
  return method === 'GET' && headers.accept?.includes('text/html') === true;
}
