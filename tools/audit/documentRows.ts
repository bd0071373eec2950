import { createHash } from 'node:crypto';
import { get, post, send } from './exchange.ts';
import {
  ifSupported,
  requireData,
  requireRequestError,
  requireStatusBetween,
  requireThat,
} from './expectations.ts';
import { NotApplicable, type Row, type Target } from './target.ts';

const section = 'Appendix: Persisted Documents';
const unknownId = `sha256:${'0'.repeat(64)}`;

/** Asks by the id of the query, which a server with automatic persisted queries learns here. */
async function askById(target: Target) {
  const { query } = target;
  const sha256Hash = createHash('sha256').update(query).digest('hex');
  await send(target, post({ query, extensions: { persistedQuery: { version: 1, sha256Hash } } }));
  const documentId = `sha256:${sha256Hash}`;
  return { documentId, response: await send(target, post({ documentId })) };
}

async function persist(target: Target): Promise<string> {
  const { documentId, response } = await askById(target);
  if (response.status === 200 && response.bytes.includes('"data"')) return documentId;
  throw new NotApplicable(`The server does not know ${documentId.slice(0, 14)}…: status ${response.status}.`);
}

export const documentRows: readonly Row[] = [
  {
    id: 'document-post',
    section,
    strength: 'MAY',
    title:
      'A POST with a `documentId` of the form sha256:hex in place of `query` executes the persisted document.',
    check: async (target) => {
      const { response } = await askById(target);
      requireData(response);
    },
  },
  {
    id: 'document-get',
    section,
    strength: 'MAY',
    title: 'A GET with a `documentId` in place of `query` executes the persisted document.',
    check: async (target) => {
      const documentId = await persist(target);
      requireData(await send(target, get({ documentId })));
    },
  },
  {
    id: 'document-null',
    section,
    strength: 'MUST',
    title: 'Beside a `documentId` on a POST, members that are null count as absent.',
    check: async (target) => {
      const documentId = await persist(target);
      const others = { operationName: null, variables: null, extensions: null };
      requireData(await send(target, post({ documentId, ...others })));
    },
  },
  {
    id: 'document-empty',
    section,
    strength: 'MUST',
    title: 'Beside a `documentId` on a GET, parameters that are empty count as absent.',
    check: ifSupported('GET', async (target) => {
      const documentId = await persist(target);
      requireData(await send(target, get({ documentId, operationName: '', variables: '', extensions: '' })));
    }),
  },
  {
    id: 'document-unknown',
    section,
    strength: 'MUST',
    title: 'An unknown `documentId` gets a well-formed GraphQL response with a single error.',
    check: async (target) => {
      await persist(target);
      const response = await send(target, post({ documentId: unknownId }));
      const { length } = requireRequestError(response);
      requireThat(length === 1, response, `${length} errors`);
    },
  },
  {
    id: 'document-unknown-status',
    section: 'Status Codes',
    strength: 'MUST',
    title: 'An unknown `documentId` gets a 4xx status.',
    check: async (target) => {
      await persist(target);
      requireStatusBetween(await send(target, post({ documentId: unknownId })), 400, 499);
    },
  },
  {
    id: 'document-and-query',
    section,
    strength: 'MAY',
    title: 'A request with both `documentId` and `query` is rejected with a 4xx status.',
    check: async (target) => {
      const documentId = await persist(target);
      requireStatusBetween(await send(target, post({ documentId, query: target.query })), 400, 499);
    },
  },
];
