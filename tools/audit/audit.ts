import { documentRows } from './documentRows.ts';
import { httpRows } from './httpRows.ts';
import { negotiationRows } from './negotiationRows.ts';
import { requestRows } from './requestRows.ts';
import { statusRows } from './statusRows.ts';
import {
  Failure,
  graphqlType,
  jsonType,
  type MediaType,
  NotApplicable,
  type Row,
  type Strength,
  type Target,
} from './target.ts';

/** The rules of GraphQL over HTTP, September 2026, for a server that has queries only. */
export const rows: readonly Row[] = [
  ...requestRows,
  ...negotiationRows,
  ...statusRows,
  ...httpRows,
  ...documentRows,
];

export function mediaTypesOf({ mediaTypes = [graphqlType, jsonType] }: Row): readonly MediaType[] {
  return mediaTypes;
}

/**
 * A legacy client accepts application/json alone. That it gets the same status codes is a SHOULD (section Body), whatever the strength
 * of the rule on the status is.
 */
export function strengthOf({ section, strength }: Row, mediaType: MediaType): Strength {
  return mediaType === jsonType && section === 'Status Codes' && strength === 'MUST' ? 'SHOULD' : strength;
}

export type Finding = {
  /** `not used`: the server does not do what it may do. */
  verdict: 'holds' | 'fails' | 'not used' | 'not applicable';
  /** Empty if the rule holds. */
  reason: string;
};

/** Checks one rule. Throws if the check itself is broken. */
export async function runRow(row: Row, target: Target): Promise<Finding> {
  try {
    await row.check(target);
    return { verdict: 'holds', reason: '' };
  } catch (error) {
    if (error instanceof Failure)
      return { verdict: row.strength === 'MAY' ? 'not used' : 'fails', reason: error.message };
    if (error instanceof NotApplicable) return { verdict: 'not applicable', reason: error.message };
    throw error;
  }
}
