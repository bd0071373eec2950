import { type GraphQLSchema, parse, stripIgnoredCharacters, validate } from 'graphql';
import { ConfigurationError } from '../config/config.ts';
import type { Manifest, ManifestOperation } from '../config/manifest.ts';
import { AppError } from '../errors.ts';

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
  const twice = operations.find(({ id }, n) => operations.findIndex((one) => one.id === id) !== n);
  if (twice !== undefined) throw new ConfigurationError(`GRAPHQL_SAFELIST lists the id ${twice.id} twice.`);
  const byId = new Map(operations.map(({ id, body }) => [id, body]));
  const byText = new Map(operations.map(({ body }) => [stripIgnoredCharacters(body), body]));

  function listed(text: unknown): string {
    const body = typeof text === 'string' ? byText.get(strip(text)) : undefined;
    if (body !== undefined) return body;
    const reason = typeof text === 'string' ? nameOf(text) : undefined;
    throw new AppError('QUERY_NOT_IN_SAFELIST', 'This operation is not in the safelist.', { reason });
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

/** For whoever reads the log, and wonders what to list. */
function nameOf(text: string): string | undefined {
  return /\b(?:query|mutation)\s+(\w{1,128})/.exec(text)?.[1];
}

function strip(text: string): string {
  try {
    return stripIgnoredCharacters(text);
  } catch {
    return '';
  }
}

function refuseInvalid({ name, body }: ManifestOperation, schema: GraphQLSchema): void {
  const problems = problemsOf(body, schema);
  if (problems.length > 0)
    throw new ConfigurationError(
      `GRAPHQL_SAFELIST lists an invalid operation ${name}: ${problems.join(' ')}`,
    );
}

function problemsOf(body: string, schema: GraphQLSchema): readonly string[] {
  try {
    return validate(schema, parse(body)).map(({ message }) => message);
  } catch (error) {
    return [String(error)];
  }
}
