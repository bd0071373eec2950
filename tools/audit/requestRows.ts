import { type AuditRequest, get, post, send } from './exchange.ts';
import {
  expectData,
  expectStatus,
  ifSupported,
  probe,
  requireData,
  requireGraphQL,
  requireStatus,
  requireStatusBetween,
  requireThat,
} from './expectations.ts';
import { Failure, graphqlType, NotApplicable, type Row, type Target } from './target.ts';

const query = '{ __typename }';
const twoOperations = 'query A { a: __typename } query B { b: __typename }';
const withVariable = 'query ($yes: Boolean!) { always: __typename sometimes: __typename @include(if: $yes) }';
const mutation = 'mutation { __typename }';
const mutationByQuery = { ...post({ query: mutation }), method: 'QUERY' };

/** A check that the data of the response has exactly these members. */
function expectMembers(request: AuditRequest, ...members: string[]) {
  return async (target: Target): Promise<void> => {
    const response = await send(target, request);
    const names = Object.keys(requireData(response));
    requireThat(names.join() === members.join(), response, `data has ${names} instead of ${members}`);
  };
}

const asUtf16 = (text: string) => Buffer.from(text, 'utf16le');
const withType = (type: string | undefined, body: string | Uint8Array = JSON.stringify({ query })) => ({
  headers: { 'content-type': type },
  body,
});

const postRows: Row[] = [
  {
    id: 'post',
    section: 'POST',
    strength: 'MUST',
    title: 'A POST with a JSON body is answered with the data of its query.',
    check: async (target) => void requireData(await send(target, post({ query: target.query }))),
  },
  {
    id: 'post-utf8-stated',
    section: 'POST',
    strength: 'MUST',
    title: 'A JSON body whose content type states UTF-8 is accepted in each spelling that HTTP allows.',
    check: expectData(
      withType('application/json; charset=utf-8'),
      withType('application/json;charset=UTF-8'),
      withType('Application/JSON; Charset="utf-8"'),
    ),
  },
  {
    id: 'post-utf8-assumed',
    section: 'Media Types',
    strength: 'MUST',
    title: 'A JSON body whose content type states no charset is read as UTF-8.',
    check: expectData(post({ query: `${query} # Größe 数量 🧮` })),
  },
  {
    id: 'post-byte-order-mark',
    section: 'RFC 8259',
    strength: 'MAY',
    title: 'A byte order mark before the JSON body is ignored.',
    check: expectData({ body: `\u{feff}${JSON.stringify({ query })}` }),
  },
  {
    id: 'post-no-content-type',
    section: 'POST',
    strength: 'SHOULD',
    title: 'A POST without a content type is rejected with a 4xx status.',
    check: async (target) => requireStatusBetween(await send(target, withType(undefined)), 400, 499),
  },
  {
    id: 'post-variables',
    section: 'Request Parameters',
    strength: 'MUST',
    title: 'The values in `variables` are those of the variables of the operation.',
    check: async (target) => {
      const ask = (yes: boolean) => post({ query: withVariable, variables: { yes } });
      await expectMembers(ask(true), 'always', 'sometimes')(target);
      await expectMembers(ask(false), 'always')(target);
    },
  },
  {
    id: 'post-operation-name',
    section: 'Request Parameters',
    strength: 'MUST',
    title: 'Of several operations in a document, the one that `operationName` names is executed.',
    check: expectMembers(post({ query: twoOperations, operationName: 'B' }), 'b'),
  },
  {
    id: 'post-extensions',
    section: 'Request Parameters',
    strength: 'MUST',
    title: 'Entries of `extensions` that the server does not know do not prevent execution.',
    check: expectData(post({ query, extensions: {} }), post({ query, extensions: { 'audit.example': 1 } })),
  },
  {
    id: 'post-null',
    section: 'JSON Encoding',
    strength: 'MUST',
    title: '`operationName`, `variables` and `extensions` that are null count as absent.',
    check: expectData(
      post({ query, operationName: null }),
      post({ query, variables: null }),
      post({ query, extensions: null }),
      post({ query, operationName: null, variables: null, extensions: null }),
    ),
  },
  {
    id: 'post-unknown-members',
    section: 'JSON Encoding',
    strength: 'MUST',
    title: 'Members of the JSON body that the server does not know are ignored.',
    check: expectData(post({ query, auditUnknown: { nested: [1] } }), post({ query, id: null, key: '' })),
  },
];

const getRows: Row[] = [
  {
    id: 'get',
    section: 'Request',
    strength: 'MAY',
    title: 'A GET with the parameter `query` is answered with data.',
    check: async (target) => void requireData(await send(target, probe(target, 'GET'))),
  },
  {
    id: 'get-form-encoding',
    section: 'GET',
    strength: 'MUST',
    title: 'The parameters of a GET are decoded as application/x-www-form-urlencoded, where + is a space.',
    check: ifSupported('GET', expectData({ method: 'GET', search: '?query=query+Form+%7B+__typename+%7D' })),
  },
  {
    id: 'get-variables',
    section: 'GET',
    strength: 'MUST',
    title: 'The parameters `variables` and `extensions` of a GET are JSON.',
    check: ifSupported('GET', async (target) => {
      const ask = (yes: boolean) =>
        get({ query: withVariable, variables: JSON.stringify({ yes }), extensions: '{}' });
      await expectMembers(ask(true), 'always', 'sometimes')(target);
      await expectMembers(ask(false), 'always')(target);
    }),
  },
  {
    id: 'get-operation-name',
    section: 'GET',
    strength: 'MUST',
    title: 'The parameter `operationName` of a GET selects the operation, also one of the name null.',
    check: ifSupported('GET', async (target) => {
      await expectMembers(get({ query: twoOperations, operationName: 'B' }), 'b')(target);
      const operations = 'query null { n: __typename } query B { b: __typename }';
      await expectMembers(get({ query: operations, operationName: 'null' }), 'n')(target);
    }),
  },
  {
    id: 'get-empty',
    section: 'GET',
    strength: 'MUST',
    title: '`operationName`, `variables` and `extensions` that are empty on a GET count as absent.',
    check: ifSupported(
      'GET',
      expectData(
        get({ query, operationName: '' }),
        get({ query, variables: '' }),
        get({ query, extensions: '' }),
        get({ query, operationName: '', variables: '', extensions: '' }),
      ),
    ),
  },
  {
    id: 'get-mutation',
    section: 'GET',
    strength: 'MUST',
    title: 'A mutation by GET is rejected with a 4xx status and is not executed.',
    check: ifSupported('GET', async (target) => {
      const response = await send(target, get({ query: mutation }));
      requireStatusBetween(response, 400, 499);
      requireThat(requireGraphQL(response).data === undefined, response, 'has data');
    }),
  },
  {
    id: 'get-head',
    section: 'RFC 9110',
    strength: 'SHOULD',
    title: 'A HEAD gets the status and the content type of the same GET, without a body.',
    check: ifSupported('GET', async (target) => {
      const byGet = await send(target, probe(target, 'GET'));
      const byHead = await send(target, { ...probe(target, 'GET'), method: 'HEAD' });
      requireStatus(byHead, byGet.status);
      const [type, expected] = [byHead.headers['content-type'], byGet.headers['content-type']];
      requireThat(type === expected, byHead, `content type ${type} instead of ${expected}`);
    }),
  },
];

const queryRows: Row[] = [
  {
    id: 'query-method',
    section: 'RFC 10008',
    strength: 'MAY',
    title: 'A QUERY with a JSON body is answered as the same POST.',
    check: async (target) => void requireData(await send(target, probe(target, 'QUERY'))),
  },
  {
    id: 'query-announced',
    section: 'RFC 10008',
    strength: 'MAY',
    title: 'A server that answers QUERY announces application/json in `Accept-Query`.',
    mediaTypes: [graphqlType],
    check: ifSupported('QUERY', async (target) => {
      const responses = [
        await send(target, { method: 'OPTIONS' }),
        await send(target, { method: 'DELETE' }),
        await send(target, probe(target, 'QUERY')),
      ];
      const announces = responses.some(({ headers }) =>
        /application\/json/i.test(String(headers['accept-query'])),
      );
      if (!announces)
        throw new Failure('No response to OPTIONS, DELETE or QUERY has the header Accept-Query.');
    }),
  },
  {
    id: 'query-mutation',
    section: 'RFC 10008',
    strength: 'MUST',
    title: 'A mutation by QUERY is not executed.',
    check: ifSupported('QUERY', async (target) => {
      const response = await send(target, mutationByQuery);
      requireThat(requireGraphQL(response).data === undefined, response, 'has data');
    }),
  },
  {
    id: 'status-query-mutation',
    section: 'Status Codes',
    strength: 'SHOULD',
    title: 'A mutation by QUERY gets a 4xx status.',
    check: ifSupported('QUERY', async (target) =>
      requireStatusBetween(await send(target, mutationByQuery), 400, 499),
    ),
  },
  {
    id: 'query-no-content-type',
    section: 'RFC 10008',
    strength: 'MUST',
    title: 'A QUERY without a content type is rejected with a 4xx status.',
    check: ifSupported('QUERY', async (target) => {
      requireStatusBetween(await send(target, { ...withType(undefined), method: 'QUERY' }), 400, 499);
    }),
  },
];

const contentTypeRows: Row[] = [
  {
    id: 'status-content-type',
    section: 'Status Codes',
    strength: 'SHOULD',
    title: 'A body of a content type that the server does not support gets 415.',
    check: expectStatus(415, withType('text/plain'), withType('application/xml'), withType('nonsense')),
  },
  {
    id: 'status-charset',
    section: 'Status Codes',
    strength: 'SHOULD',
    title: 'A JSON body in a charset that the server does not support gets 415.',
    check: async (target) => {
      const body = asUtf16(JSON.stringify({ query }));
      const response = await send(target, withType('application/json; charset=utf-16le', body));
      if (response.status === 200) throw new NotApplicable('The server supports UTF-16.');
      requireStatus(response, 415);
    },
  },
  {
    id: 'status-content-encoding',
    section: 'RFC 9110',
    strength: 'MAY',
    title: 'A body in a content coding that the server does not support gets 415.',
    check: expectStatus(415, post({ query }, { 'content-encoding': 'x-audit' })),
  },
];

/** What a server accepts, and how it reads it. */
export const requestRows: readonly Row[] = [...postRows, ...getRows, ...queryRows, ...contentTypeRows];
