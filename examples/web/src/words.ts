/** What users are told, by `extensions.code` alone: messages are for developers, and may change. */
const wordsOfCode: Readonly<Record<string, string>> = {
  BAD_USER_INPUT: 'Something in the form is not accepted.',
  NOT_FOUND: 'There is no such customer or entitlement.',
  UNAUTHENTICATED: 'Please sign in again.',
  FORBIDDEN: 'You may not see this customer.',
  QUERY_NOT_IN_SAFELIST: 'This page is out of date. Please reload it.',
  PERSISTED_QUERY_NOT_FOUND: 'This page is out of date. Please reload it.',
  RATE_LIMITED: 'You asked too often.',
  UPSTREAM_REJECTED_CREDENTIALS: 'The billing system does not let us in. That is for us to mend.',
  UPSTREAM_RATE_LIMITED: 'The billing system is busy.',
  UPSTREAM_TIMEOUT: 'The billing system takes too long.',
  UPSTREAM_UNAVAILABLE: 'The billing system cannot be reached.',
  UPSTREAM_INVALID_RESPONSE: 'The billing system gave an answer that makes no sense. That is for us to mend.',
  INTERNAL_SERVER_ERROR: 'Something went wrong here. That is for us to mend.',
};

export function toWords(code: string): string {
  return Object.hasOwn(wordsOfCode, code) ? (wordsOfCode[code] ?? general) : general;
}

const general = 'This number cannot be had.';

/** The fields of the form, by the argument that each becomes. */
export const wordsOfArgument = {
  startDate: 'The start of the window is not accepted',
  endDate: 'The end of the window is not accepted',
  customerId: 'A customer is not accepted',
  entitlementId: 'An entitlement is not accepted',
} as const;

export type Argument = keyof typeof wordsOfArgument;

export function isArgument(name: unknown): name is Argument {
  return typeof name === 'string' && Object.hasOwn(wordsOfArgument, name);
}
