import { parseJson } from '../../text.ts';
import { decodeTotal } from '../../zenskar/outcome.ts';
import type { TotalParameters } from '../../zenskar/request.ts';
import { isObject } from './isObject.ts';

/** What the answer with a total has. Which of them must be there, and of which type, `decodeTotal` alone knows. */
const knownFields = ['entitlement', 'customer', 'quantity'] as const;
type Field = (typeof knownFields)[number];

const expected: Readonly<Record<Field, string>> = {
  entitlement: 'text',
  customer: 'text',
  quantity: 'a number or null',
};
const maxNames = 10;

/** In which points the body of a 200 leaves the contract; none where it keeps to it. */
export function describeDrift(body: string, asked: TotalParameters): readonly string[] {
  const json = parseJson(body);
  if (json === undefined) return ['the body is not JSON'];
  if (!isObject(json)) return [`the body is ${typeInWords(json)} in place of an object`];
  const drift = [
    ...unknownFields(json),
    ...knownFields.flatMap((field) => describeField(field, json, asked)),
  ];
  const decoded = decodeTotal(body, asked);
  return decoded.ok || drift.length > 0 ? drift : [decoded.problem];
}

/** Whether there is anything of a total in the body. */
export function resemblesTotal(body: string): boolean {
  const json = parseJson(body);
  return isObject(json) && knownFields.some((field) => Object.hasOwn(json, field));
}

function unknownFields(json: Readonly<Record<string, unknown>>): string[] {
  const names = Object.keys(json).filter((name) => !knownFields.some((field) => field === name));
  const shown = names.slice(0, maxNames).map((name) => `unknown field ${JSON.stringify(name)}`);
  return names.length > maxNames ? [...shown, `${names.length - maxNames} more unknown fields`] : shown;
}

function describeField(
  field: Field,
  json: Readonly<Record<string, unknown>>,
  asked: TotalParameters,
): string[] {
  const value = json[field];
  // All else as it should be, so that the verdict is about this field alone.
  const flawless = { entitlement: asked.entitlementId, customer: asked.customerId, quantity: null };
  if (decodeTotal(JSON.stringify({ ...flawless, [field]: value }), asked).ok) return [];
  if (value === undefined) return [`missing field "${field}"`];
  if (field !== 'quantity' && typeof value === 'string')
    return [`field "${field}" names another one than was asked for`];
  return [`field "${field}" is ${typeInWords(value)}, expected ${expected[field]}`];
}

function typeInWords(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  const words: Readonly<Record<string, string>> = {
    object: 'an object',
    string: 'text',
    number: 'a number',
    boolean: 'true or false',
  };
  return words[typeof value] ?? typeof value;
}
