import { z } from 'zod';
import { parseJson } from '../text.ts';

const format = 'apollo-persisted-query-manifest';

const maxShownLength = 128;

const manifest = z.object({
  format: z.literal(format),
  version: z.literal(1),
  operations: z.array(
    z.object({ id: z.string().min(1), name: z.string(), type: z.string(), body: z.string() }),
  ),
});

/** The format of Apollo's persisted query tools, and of `npm run safelist`. */
export type Manifest = z.output<typeof manifest>;
export type ManifestOperation = Manifest['operations'][number];

/** A document that clients may send. The name is for messages: the id in formats without names. */
export type ListedDocument = { id: string; name: string; body: string };

export type ParsedManifest =
  | { ok: true; documents: readonly ListedDocument[] }
  | { ok: false; problem: string };

/**
 * Parses Apollo's format, or one object of texts by id, as Relay and GraphQL Code Generator write it. `format` and a list of operations
 * are Apollo's: neither can be the text of a document.
 */
export function parseManifest(text: string): ParsedManifest {
  const value = parseJson(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { ok: false, problem: 'it is not a JSON object' };
  if ('operations' in value && typeof value.operations !== 'string') return parseApollo(value);
  return 'format' in value && value.format === format ? parseApollo(value) : parseTexts(value);
}

function parseApollo(value: object): ParsedManifest {
  const { data, error } = manifest.safeParse(value);
  if (data !== undefined) return { ok: true, documents: data.operations };
  const { path = [], message = '' } = error.issues[0] ?? {};
  return { ok: false, problem: `${path.join('.')}: ${message}` };
}

function parseTexts(value: object): ParsedManifest {
  const documents: ListedDocument[] = [];
  for (const [id, body] of Object.entries(value)) {
    if (id === '') return { ok: false, problem: 'it has a text without an id' };
    if (typeof body !== 'string') return { ok: false, problem: `the value of ${toShown(id)} is not a text` };
    documents.push({ id, name: toShown(id), body });
  }
  return documents.length === 0 ? { ok: false, problem: 'it is empty' } : { ok: true, documents };
}

/** An id for a message, in which it is cut. */
export function toShown(id: string): string {
  return id.length > maxShownLength ? `${id.slice(0, maxShownLength)}…` : id;
}

export function toManifest(operations: readonly ManifestOperation[]): Manifest {
  return { format, version: 1, operations: [...operations] };
}
