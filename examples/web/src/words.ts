/** Texts for users by `extensions.code` alone: messages are for developers and may change. */
const wordsOfCode: Readonly<Record<string, string>> = {
  BAD_REQUEST: 'This page is out of date. Please reload it.',
  BAD_USER_INPUT: 'Something in the form is not accepted.',
  NOT_FOUND: 'There is no such customer or entitlement.',
  UNAUTHENTICATED: 'Please sign in again.',
  FORBIDDEN: 'You may not see this customer.',
  QUERY_NOT_IN_SAFELIST: 'This page is out of date. Please reload it.',
  PERSISTED_QUERY_NOT_FOUND: 'This page is out of date. Please reload it.',
  SERVICE_UNAVAILABLE: 'The service is not available at the moment.',
  RATE_LIMITED: 'You sent too many requests.',
  UPSTREAM_REJECTED_CREDENTIALS: 'The billing system rejected our credentials. We have to fix that.',
  UPSTREAM_RATE_LIMITED: 'The billing system is busy.',
  UPSTREAM_TIMEOUT: 'The billing system takes too long.',
  UPSTREAM_UNAVAILABLE: 'The billing system cannot be reached.',
  UPSTREAM_INVALID_RESPONSE: 'The billing system returned an invalid response. We have to fix that.',
  INTERNAL_SERVER_ERROR: 'Something went wrong. We have to fix that.',
};

export function toWords(code: string): string {
  return Object.hasOwn(wordsOfCode, code) ? (wordsOfCode[code] ?? general) : general;
}

const general = 'This total is not available.';

/** Texts for the fields of the form, by GraphQL argument. */
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
