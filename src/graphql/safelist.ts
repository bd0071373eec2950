import { type GraphQLSchema, parse, stripIgnoredCharacters, validate } from 'graphql';
import { AppError } from '../errors.ts';
import type { Manifest, ManifestOperation } from '../manifest.ts';

/** The part of a request that names the operation: a JSON body, or the query of a URL. */
type Asking = { method: string; search: string; body: unknown };

export type Safelist = {
  /** The listed text of an operation that is asked for by id. */
  find: (id: string) => string | undefined;
  /** The same request with the listed text in place of its own; throws where that is not listed. */
  hold: <Request extends Asking>(request: Request) => Request;
};

/** Lets nothing run but the operations of the manifest, asked for by id or by text, whatever its white space. */
export function createSafelist({ operations }: Manifest, schema: GraphQLSchema): Safelist {
  for (const operation of operations) refuseInvalid(operation, schema);
  const byId = new Map(operations.map(({ id, body }) => [id, body]));
  const byText = new Map(operations.map(({ body }) => [stripIgnoredCharacters(body), body]));

  function listed(text: unknown): string {
    const body = typeof text === 'string' ? byText.get(strip(text)) : undefined;
    if (body === undefined)
      throw new AppError('QUERY_NOT_IN_SAFELIST', 'This operation may not be run here.');
    return body;
  }

  function hold<Request extends Asking>(request: Request): Request {
    const { method, search, body } = request;
    if (method === 'GET') {
      const parameters = new URLSearchParams(search);
      if (!parameters.has('query')) return request;
      parameters.set('query', listed(parameters.get('query')));
      parameters.delete('extensions');
      return { ...request, search: `?${parameters}` };
    }
    if (typeof body !== 'object' || body === null || !('query' in body)) return request;
    return { ...request, body: { ...body, query: listed(body.query), extensions: {} } };
  }
  return { find: (id) => byId.get(id), hold };
}

function strip(text: string): string {
  try {
    return stripIgnoredCharacters(text);
  } catch {
    return '';
  }
}

function refuseInvalid({ name, body }: ManifestOperation, schema: GraphQLSchema): void {
  const problems = validate(schema, parse(body)).map(({ message }) => message);
  if (problems.length > 0)
    throw new Error(`The safelist has an invalid operation ${name}: ${problems.join(' ')}`);
}
