import { ClientError } from 'graphql-request';

/** The totals and the errors of a response that `request` has thrown. */
export function readError(error: unknown) {
  // Another failure, such as a lost connection.
  if (!(error instanceof ClientError)) throw error;
  const { data, errors = [] } = error.response;
  return { data, errors };
}
