import type { Gateway } from './gateway.ts';
import { entitlement, expectedQuantity } from './ids.ts';

const query = `query Total($entitlementId: UUID!, $customerId: UUID!) {
  customerEntitlementTotal(entitlementId: $entitlementId, customerId: $customerId) { quantity asOf }
}`;

type LoadOptions = {
  gateways: readonly Gateway[];
  customers: readonly string[];
  perSecond: number;
  /** The age that an answer may have at most. */
  maxAgeMs: number;
};

export type Load = {
  /** Resolves when all operations have ended. */
  stop: () => Promise<{ operations: number; failed: unknown[]; tooOld: number[] }>;
};

/** Asks the gateways in turn for the customers in turn, at this rate, and checks every answer. */
export function startLoad({ gateways, customers, perSecond, maxAgeMs }: LoadOptions): Load {
  const running = new Set<Promise<void>>();
  const failed: unknown[] = [];
  const tooOld: number[] = [];
  const startedMs = performance.now();
  let operations = 0;

  async function ask(n: number): Promise<void> {
    const gateway = gateways[n % gateways.length] as Gateway;
    const customerId = customers[n % customers.length] ?? '';
    const askedAtMs = gateway.now();
    const { status, body } = await gateway.gql(query, { entitlementId: entitlement, customerId });
    const { quantity, asOf } = body.data?.customerEntitlementTotal ?? {};
    const isRight =
      status === 200 && body.errors === undefined && quantity === expectedQuantity({ customerId });
    if (!isRight) failed.push(body);
    const ageMs = askedAtMs - Date.parse(asOf);
    if (ageMs > maxAgeMs) tooOld.push(ageMs);
  }

  function askDue(): void {
    const due = ((performance.now() - startedMs) * perSecond) / 1000;
    for (; operations < due; operations += 1) {
      const asked = ask(operations)
        .catch((error) => void failed.push(error))
        .finally(() => running.delete(asked));
      running.add(asked);
    }
  }
  const timer = setInterval(askDue, 5);
  return {
    async stop() {
      clearInterval(timer);
      await Promise.all(running);
      return { operations, failed, tooOld };
    },
  };
}
