import { simulatedQuantity } from '../../src/simulator/behaviours.ts';

export { customerOf } from '../../src/simulator/behaviours.ts';

export const apiKey = 'test-api-key-0123456789';
export const organisation = '5d0c1a52-6a3e-4b1f-8a55-1f2e3d4c5b6a';

export const entitlement = '11111111-aaaa-4bbb-8ccc-222222222222';
export const customer = '33333333-dddd-4eee-9fff-444444444444';

/** A distinct id for each `n`. */
export function idOf(n: number): string {
  return `77777777-0000-4000-8000-${n.toString(16).padStart(12, '0')}`;
}

type TotalArguments = { entitlementId?: string; customerId?: string; startDate?: number; endDate?: number };

/** The quantity that the simulator returns for a total. */
export function expectedQuantity({
  entitlementId = entitlement,
  customerId = customer,
  startDate,
  endDate,
}: TotalArguments = {}) {
  const toText = (seconds: number | undefined) => (seconds === undefined ? null : String(seconds));
  return simulatedQuantity({
    entitlementId,
    customerId,
    startDate: toText(startDate),
    endDate: toText(endDate),
  });
}

export const totalQuery = `query Total($entitlementId: UUID!, $customerId: UUID!, $startDate: Int, $endDate: Int) {
  customerEntitlementTotal(entitlementId: $entitlementId, customerId: $customerId, startDate: $startDate, endDate: $endDate) {
    quantity
  }
}`;
