import { type AuditRequest, get, post, send } from './exchange.ts';
import {
  expectStatus,
  ifSupported,
  requireGraphQL,
  requireStatus,
  requireStatusBetween,
  requireThat,
} from './expectations.ts';
import { graphqlType, NotApplicable, type Row, type Target } from './target.ts';

const section = 'Status Codes';
const query = '{ __typename }';
const withVariable = 'query ($yes: Boolean!) { __typename @include(if: $yes) }';

/** Each breaks another validation rule of the GraphQL specification, in any schema. */
const invalidDocuments = [
  '{ auditUnknownField }',
  '{ __typename { auditSelection } }',
  '{ __typename(auditArgument: 1) }',
  '{ __typename @auditDirective }',
  '{ __typename @include }',
  '{ __typename @include(if: 7) }',
  '{ ...AuditMissing }',
  'query A { __typename } query A { __typename }',
  '{ __typename } { __typename }',
  'query ($unused: Int) { __typename }',
  '{ __typename @include(if: $undefined) }',
  'query ($a: Boolean!, $a: Boolean!) { __typename @include(if: $a) }',
  'query ($a: AuditUnknownType) { __typename @include(if: $a) }',
  'query ($a: Int!) { __typename @include(if: $a) }',
  '{ __typename } fragment Unused on AuditUnknownType { __typename }',
];
const unparsableDocuments = ['{', '{ __typename', 'auditNonsense', '{ __typename } }'];
const unparsableBodies = ['', 'NONSENSE', '{"query":', '{"query":"{__typename}"', "{'query':'{__typename}'}"];
const uncoercedVariables = [undefined, {}, { yes: null }, { yes: 'true' }, { yes: [] }];
const undeterminedOperations = [
  { query: 'query A { __typename } query B { __typename }' },
  { query: 'query A { __typename } query B { __typename }', operationName: 'C' },
  { query: 'query A { __typename }', operationName: 'C' },
];

const requests = {
  unparsableBody: unparsableBodies.map((body) => ({ body })),
  unparsableDocument: unparsableDocuments.map((document) => post({ query: document })),
  invalid: invalidDocuments.map((document) => post({ query: document })),
  undetermined: undeterminedOperations.map((members) => post(members)),
  uncoerced: uncoercedVariables.map((variables) => post({ query: withVariable, variables })),
  noQuery: [{}, { qeury: query }, { query: null }, { query: 7 }, { query: [query] }, { query: {} }].map(
    (members) => post(members),
  ),
} satisfies Record<string, AuditRequest[]>;

const withMember = (name: string, values: readonly unknown[]) =>
  values.map((value) => post({ query, [name]: value }));

const outcomeRows: Row[] = [
  {
    id: 'status-data',
    section,
    strength: 'MUST',
    title: 'A response whose data is not null has a 2xx status, also if it has errors.',
    check: async (target) => {
      for (const document of [target.query, target.partialQuery ?? target.query])
        requireStatusBetween(await send(target, post({ query: document })), 200, 299);
    },
  },
  {
    id: 'status-no-data',
    section,
    strength: 'MUST',
    title: 'A response without data has a 4xx or 5xx status.',
    check: async (target) => {
      for (const request of Object.values(requests).flat())
        requireStatusBetween(await send(target, request), 400, 599);
    },
  },
  {
    id: 'status-success',
    section,
    strength: 'SHOULD',
    title: 'A response with data and without errors has the status 200.',
    check: async (target) => requireStatus(await send(target, post({ query: target.query })), 200),
  },
  {
    id: 'status-partial',
    section,
    strength: 'SHOULD',
    title: 'A response with data and errors has the status 294.',
    check: async (target) => requireStatus(await sendPartial(target), 294),
  },
  {
    id: 'status-null',
    section,
    strength: 'SHOULD',
    title:
      'A response whose data is null, because an error of a field left nothing else, has the status 294.',
    check: async (target) => {
      const { nullQuery } = target;
      if (nullQuery === undefined) throw new NotApplicable('No query with null as data is given.');
      const response = await send(target, post({ query: nullQuery }));
      requireThat(requireGraphQL(response).data === null, response, 'data is not null');
      requireStatus(response, 294);
    },
  },
  {
    id: 'status-partial-reason',
    section: 'Partial success',
    strength: 'SHOULD',
    title: 'The reason phrase of status 294 is Partial Success.',
    mediaTypes: [graphqlType],
    check: async (target) => {
      const response = await sendPartial(target);
      const { statusText } = response;
      requireThat(statusText === 'Partial Success', response, `reason phrase ${JSON.stringify(statusText)}`);
    },
  },
];

function sendPartial(target: Target) {
  const { partialQuery } = target;
  if (partialQuery === undefined) throw new NotApplicable('No query with partial data is given.');
  return send(target, post({ query: partialQuery }));
}

const requestErrorRows: Row[] = [
  {
    id: 'status-json',
    section,
    strength: 'SHOULD',
    title: 'A body that is not JSON gets 400.',
    check: expectStatus(400, ...requests.unparsableBody),
  },
  {
    id: 'status-parse',
    section,
    strength: 'SHOULD',
    title: 'A document that cannot be parsed gets 400.',
    check: expectStatus(400, ...requests.unparsableDocument),
  },
  {
    id: 'status-no-query',
    section,
    strength: 'SHOULD',
    title: 'A JSON object without a `query`, or whose `query` is no string, gets 422.',
    check: expectStatus(422, ...requests.noQuery),
  },
  {
    id: 'status-no-object',
    section,
    strength: 'SHOULD',
    title: 'A JSON body that is a number, a string, a boolean or null gets 422.',
    check: expectStatus(422, post(7), post('{ __typename }'), post(true), post(null)),
  },
  {
    id: 'status-operation-name-type',
    section,
    strength: 'SHOULD',
    title: 'A request whose `operationName` is no string gets 422.',
    check: expectStatus(422, ...withMember('operationName', [7, true, ['A'], {}])),
  },
  {
    id: 'status-variables-type',
    section,
    strength: 'SHOULD',
    title: 'A request whose `variables` is no object gets 422.',
    check: expectStatus(422, ...withMember('variables', [7, true, [7], 'text'])),
  },
  {
    id: 'status-extensions-type',
    section,
    strength: 'SHOULD',
    title: 'A request whose `extensions` is no object gets 422.',
    check: expectStatus(422, ...withMember('extensions', [7, true, [7], 'text'])),
  },
  {
    id: 'status-get-parameters',
    section,
    strength: 'SHOULD',
    title: 'A GET without `query`, or whose `variables` or `extensions` is no JSON object, gets 422.',
    check: ifSupported(
      'GET',
      expectStatus(
        422,
        get({ operationName: 'A' }),
        get({ query, variables: '[7]' }),
        get({ query, variables: 'NONSENSE' }),
        get({ query, extensions: '7' }),
      ),
    ),
  },
  {
    id: 'status-validation',
    section,
    strength: 'SHOULD',
    title: 'A document that a validation rule of the GraphQL specification forbids gets 422.',
    check: expectStatus(422, ...requests.invalid),
  },
  {
    id: 'validation-rules',
    section: 'Validation',
    strength: 'SHOULD',
    title: 'A document that a validation rule of the GraphQL specification forbids is not executed.',
    check: async (target) => {
      for (const request of requests.invalid) {
        const response = await send(target, request);
        requireThat(requireGraphQL(response).data === undefined, response, 'has data');
      }
    },
  },
  {
    id: 'status-operation',
    section,
    strength: 'SHOULD',
    title: 'A request that leaves open which operation to execute, or names none of them, gets 422.',
    check: expectStatus(422, ...requests.undetermined),
  },
  {
    id: 'status-coercion',
    section,
    strength: 'SHOULD',
    title: 'A variable that is missing or has a value of the wrong type gets 422.',
    check: expectStatus(422, ...requests.uncoerced),
  },
];

/** Which status belongs to which outcome of an operation. */
export const statusRows: readonly Row[] = [...outcomeRows, ...requestErrorRows];
