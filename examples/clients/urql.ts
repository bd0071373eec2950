import type { CombinedError } from '@urql/core';

/** The errors of a response; empty if the failure is another one, such as a lost connection. */
export function readErrors(error: CombinedError | undefined) {
  return error?.graphQLErrors ?? [];
}
