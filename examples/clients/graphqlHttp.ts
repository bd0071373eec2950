import type { ExecutionResult } from 'graphql';
import { type Client, NetworkError, type RequestParams } from 'graphql-http';

/** The totals and the errors of a response. */
export function ask(client: Client, request: RequestParams): Promise<ExecutionResult> {
  return new Promise((resolve, reject) => {
    client.subscribe(request, {
      next: (result) => resolve(result as ExecutionResult),
      error(error) {
        // The client does not read the body of a 4xx or 5xx.
        const response = error instanceof NetworkError ? error.response : undefined;
        if (response instanceof Response) resolve(response.json() as Promise<ExecutionResult>);
        else reject(error);
      },
      complete() {},
    });
  });
}
