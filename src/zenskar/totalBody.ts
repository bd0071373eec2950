import { z } from 'zod';
import { toUuid } from '../text.ts';
import type { TotalParameters } from './request.ts';

/** In what a valid total may differ from the documented contract. */
export type DriftKind = 'unknown_field' | 'missing_field' | 'inexact_number';

type DecodedTotal =
  | { ok: true; quantity: number | null; drift: readonly DriftKind[] }
  | { ok: false; problem: string };

const numberText = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;
const numericText = z.string().regex(numberText).transform(Number).pipe(z.number());
// Zenskar accepts every spelling of an id, so it may one day send another one than the canonical.
const id = z.string().transform((text) => toUuid(text) ?? text);
const totalBody = z.object({
  entitlement: id,
  customer: id,
  quantity: z.union([z.number(), numericText]).nullish(),
});

/**
 * Decodes the body of a 200. An absent quantity means null, and a numeric string its number. If the echoed ids differ
 * from the requested ones, the number belongs to another customer.
 */
export function decodeTotal(body: string, parameters: TotalParameters): DecodedTotal {
  const { json, quantityText } = parseTotal(body);
  if (json === undefined) return { ok: false, problem: 'the body is not JSON' };
  const parsed = totalBody.safeParse(json);
  if (!parsed.success) return { ok: false, problem: describe(parsed.error) };
  const { entitlement, customer, quantity } = parsed.data;
  if (entitlement !== parameters.entitlementId || customer !== parameters.customerId) {
    return { ok: false, problem: 'the answer is about another entitlement or customer' };
  }
  const drift: DriftKind[] = [];
  if (Object.keys(json).some((name) => !Object.hasOwn(totalBody.shape, name))) drift.push('unknown_field');
  if (quantity === undefined) drift.push('missing_field');
  if (typeof quantity === 'number' && isInexact(quantityText, quantity)) drift.push('inexact_number');
  return { ok: true, quantity: quantity ?? null, drift };
}

/** In one line; Zod writes one for each problem and one for its place. */
function describe(error: z.ZodError): string {
  return z.prettifyError(error).replace('✖ ', '').replaceAll('\n✖', ';').replaceAll(/\s+/g, ' ');
}

/** `quantityText`: the digits as Zenskar sent them, of which a number may have lost some. */
function parseTotal(body: string): { json: object | undefined; quantityText: string } {
  const texts = new WeakMap<object, string>();
  function remember(this: object, name: string, ...[value, context]: [unknown, { source?: string }]) {
    if (name === 'quantity') texts.set(this, typeof value === 'string' ? value : (context.source ?? ''));
    return value;
  }
  try {
    const json: object = JSON.parse(body, remember as (name: string, value: unknown) => unknown) ?? {};
    return { json, quantityText: (typeof json === 'object' && texts.get(json)) || '' };
  } catch {
    return { json: undefined, quantityText: '' };
  }
}

/** Beyond 2^53 not every integer has a number of its own. */
function isInexact(text: string, quantity: number): boolean {
  return Math.abs(quantity) > 2 ** 53 || toDecimal(text) !== toDecimal(String(quantity));
}

/** Equal for equal decimal numbers, however they are written. */
function toDecimal(text: string): string {
  const [, sign = '', integer = '', fraction = '', exponent = '0'] = numberText.exec(text) ?? [];
  const digits = integer + fraction;
  // Loops, because a pattern for trailing zeros takes quadratic time.
  let start = 0;
  while (digits[start] === '0') start += 1;
  let end = digits.length;
  while (end > start && digits[end - 1] === '0') end -= 1;
  if (start === end) return '0';
  return `${sign}${digits.slice(start, end)}e${Number(exponent) - fraction.length + digits.length - end}`;
}
