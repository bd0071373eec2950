import { z } from 'zod';
import { parseJson } from '../text.ts';
import type { TotalParameters } from './request.ts';

const numericText = z
  .string()
  .regex(/^-?\d+(\.\d+)?([eE][+-]?\d+)?$/)
  .transform(Number)
  .pipe(z.number());

const totalBody = z.object({
  entitlement: z.string().toLowerCase(),
  customer: z.string().toLowerCase(),
  quantity: z.union([z.number(), numericText]).nullish(),
});

type Decoded = { ok: true; quantity: number | null } | { ok: false; problem: string };

/**
 * Reads the body of a 200. An absent quantity means the same as null, and a numeric string the same as its
 * number. The echoed ids must be those asked for, or the number belongs to somebody else.
 */
export function decodeTotal(body: string, asked: TotalParameters): Decoded {
  const json = parseJson(body);
  if (json === undefined) return { ok: false, problem: 'the body is not JSON' };
  const parsed = totalBody.safeParse(json);
  if (!parsed.success) return { ok: false, problem: z.prettifyError(parsed.error) };
  const { entitlement, customer, quantity } = parsed.data;
  if (entitlement !== asked.entitlementId || customer !== asked.customerId) {
    return { ok: false, problem: 'the answer is about another entitlement or customer' };
  }
  return { ok: true, quantity: quantity ?? null };
}
