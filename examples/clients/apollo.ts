import { CombinedGraphQLErrors } from '@apollo/client';

/** The errors of a response; empty if the failure is another one, such as a lost connection. */
export function readErrors(error: unknown) {
  return CombinedGraphQLErrors.is(error) ? error.errors : [];
}
