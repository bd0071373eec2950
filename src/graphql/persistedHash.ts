import { AppError } from '../errors.ts';
import { parseJson } from '../text.ts';

type Asking = { method: string; search: string; body: unknown };

/** Apollo Server takes whatever comes for the hash of a persisted query, and fails where it cannot be a text. */
export function refuseOddHash({ method, search, body }: Asking): void {
  const asked = method === 'GET' ? new URLSearchParams(search).get('extensions') : undefined;
  const extensions = typeof asked === 'string' ? parseJson(asked) : property(body, 'extensions');
  const hash = property(property(extensions, 'persistedQuery'), 'sha256Hash');
  if (hash !== undefined && typeof hash !== 'string')
    throw new AppError('BAD_USER_INPUT', 'Expected the hash of a persisted query as a string.');
}

function property(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
