import { type AuditRequest, get, post, send } from './exchange.ts';
import {
  expectStatus,
  ifSupported,
  requireData,
  requireGraphQL,
  requireStatus,
  requireStatusBetween,
  requireThat,
} from './expectations.ts';
import { graphqlType, NotApplicable, type Row } from './target.ts';

const section = 'Status Codes';
const query = '{ __typename }';
const kibibyte = 1024;

const limitRows: Row[] = [
  {
    id: 'status-get-mutation',
    section,
    strength: 'SHOULD',
    title: 'A mutation by GET gets 405.',
    check: ifSupported('GET', expectStatus(405, get({ query: 'mutation { __typename }' }))),
  },
  {
    id: 'status-method',
    section,
    strength: 'SHOULD',
    title: 'A method that the server does not support gets 405.',
    check: expectStatus(
      405,
      { method: 'DELETE' },
      { ...post({ query }), method: 'PUT' },
      { method: 'PATCH' },
    ),
  },
  {
    id: 'status-method-allow',
    section: 'RFC 9110',
    strength: 'MUST',
    title: 'A response of status 405 has the header `Allow`, which names POST.',
    check: async (target) => {
      for (const request of [{ method: 'DELETE' }, get({ query: 'mutation { __typename }' })]) {
        const response = await send(target, request);
        const { allow } = response.headers;
        const names = allow?.split(/\s*,\s*/).includes('POST') === true;
        requireThat(response.status !== 405 || names, response, `Allow: ${allow}`);
      }
    },
  },
  {
    id: 'status-body-size',
    section,
    strength: 'SHOULD',
    title: 'A body that is too large gets 413.',
    check: async (target) => {
      for (const mebibytes of [1, 4, 16]) {
        const padding = '#'.repeat(mebibytes * kibibyte ** 2);
        const response = await send(target, post({ query: `${query} ${padding}` }));
        if (response.status !== 200) return requireStatus(response, 413);
      }
      throw new NotApplicable('The server accepts bodies of 16 MiB.');
    },
  },
  {
    id: 'status-uri-size',
    section,
    strength: 'SHOULD',
    title: 'A URI that is too long gets 414.',
    check: ifSupported('GET', async (target) => {
      const response = await send(target, get({ query, padding: 'x'.repeat(32 * kibibyte) }));
      if (response.status === 200) throw new NotApplicable('The server accepts URIs of 32 KiB.');
      requireStatus(response, 414);
    }),
  },
  {
    id: 'status-header-size',
    section,
    strength: 'SHOULD',
    title: 'Headers that are too large get 431.',
    check: async (target) => {
      const response = await send(target, post({ query }, { 'x-audit': 'x'.repeat(32 * kibibyte) }));
      if (response.status === 200) throw new NotApplicable('The server accepts headers of 32 KiB.');
      requireStatus(response, 431);
    },
  },
  {
    id: 'status-timeout',
    section,
    strength: 'SHOULD',
    title: 'A request that does not arrive completely in time gets 408.',
    mediaTypes: [graphqlType],
    check: async (target) => {
      const { slowRequestMs } = target;
      if (slowRequestMs === undefined) throw new NotApplicable('No time to wait is given.');
      const request = { body: '{"query":', isEndless: true, timeoutMs: slowRequestMs };
      requireStatus(await send(target, request), 408);
    },
  },
  {
    id: 'status-caller',
    section,
    strength: 'SHOULD',
    title: 'A caller that may not send the request gets 401, 403 or another fitting 4xx status.',
    check: async (target) => {
      if (Object.keys(target.headers).length === 0) throw new NotApplicable('No credentials are given.');
      const response = await send({ ...target, headers: {} }, post({ query: target.query }));
      if (response.status === 200 && requireGraphQL(response).data) {
        requireData(response);
        throw new NotApplicable('The server answers callers without credentials.');
      }
      requireStatusBetween(response, 400, 499);
    },
  },
];

const otherBodies: AuditRequest[] = [
  { method: 'GET', headers: { accept: 'text/html' } },
  { method: 'GET', subpath: '/audit-unknown-path' },
  { ...post({ query }), subpath: '/audit-unknown-path' },
  { method: 'OPTIONS' },
  { method: 'DELETE' },
  { body: 'NONSENSE' },
  post({ query }, { 'content-type': 'text/plain' }),
  post({ query }, { 'content-encoding': 'x-audit' }),
  post({ query }, { accept: 'text/csv' }),
  post({ query: `${query} ${'#'.repeat(kibibyte ** 2)}` }),
  post({ query }, { 'x-audit': 'x'.repeat(32 * kibibyte) }),
];

const bodyRow: Row = {
  id: 'status-other-bodies',
  section,
  strength: 'MUST',
  title: 'Only a well-formed GraphQL response has the type application/graphql-response+json.',
  check: async (target) => {
    for (const request of otherBodies) {
      const response = await send(target, request);
      if (response.mediaType === graphqlType) requireGraphQL(response);
    }
  },
};

/** Which status belongs to a request that does not reach GraphQL. */
export const httpRows: readonly Row[] = [...limitRows, bodyRow];
