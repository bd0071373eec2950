import { type AuditResponse, post, send } from './exchange.ts';
import {
  requireData,
  requireGraphQL,
  requireRequestError,
  requireStatus,
  requireStatusBetween,
  requireThat,
  requireType,
} from './expectations.ts';
import { graphqlType, jsonType, type MediaType, NotApplicable, type Row, type Target } from './target.ts';

const once = [graphqlType] as const;
const legacy = [jsonType] as const;
const malformed = { query: '{ __typename' };
const invalid = { query: '{ auditUnknownField }' };
const notCoercible = { query: 'query ($yes: Boolean!) { __typename @include(if: $yes) }' };

type Accept = string | readonly string[] | undefined;

const ask = ({ query }: Target, accept: Accept) => post({ query }, { accept });

/** A check that each of these `Accept` headers gets data of its media type. */
function expectTypes(...cases: [accept: Accept, mediaType: MediaType][]) {
  return async (target: Target): Promise<void> => {
    for (const [accept, mediaType] of cases) {
      const response = await send(target, ask(target, accept));
      requireData(response);
      requireType(response, mediaType);
    }
  };
}

/** A check that each of these `Accept` headers gets data of one of the two media types. */
function expectEitherType(...accepts: Accept[]) {
  return async (target: Target): Promise<void> => {
    for (const accept of accepts) {
      const response = await send(target, ask(target, accept));
      requireData(response);
      if (response.mediaType !== jsonType) requireType(response, graphqlType);
    }
  };
}

const acceptRows: Row[] = [
  {
    id: 'accept-graphql-response',
    section: 'Body',
    strength: 'MUST',
    title: 'A client that accepts application/graphql-response+json gets a response of this type.',
    mediaTypes: once,
    check: expectTypes([graphqlType, graphqlType], [`${graphqlType}; charset=utf-8`, graphqlType]),
  },
  {
    id: 'accept-quality',
    section: 'Body',
    strength: 'MUST',
    title: 'Of the media types that a client accepts, it gets the supported one of the highest quality.',
    mediaTypes: once,
    check: expectTypes(
      [`${graphqlType}, ${jsonType};q=0.9`, graphqlType],
      [`${jsonType};q=0.9, ${graphqlType}`, graphqlType],
      [`${jsonType};q=0.1,${graphqlType};q=0.2`, graphqlType],
      [`${graphqlType};q=0.1, ${jsonType};q=0.11`, jsonType],
    ),
  },
  {
    id: 'accept-quality-zero',
    section: 'Body',
    strength: 'MUST',
    title: 'A media type of quality 0 is not used.',
    mediaTypes: once,
    check: expectTypes(
      [`${graphqlType};q=0, ${jsonType}`, jsonType],
      [`${jsonType};q=0, ${graphqlType};q=0.5`, graphqlType],
      [`${jsonType};q=0, */*;q=0.1`, graphqlType],
      [`${graphqlType};q=0.000, application/*`, jsonType],
    ),
  },
  {
    id: 'accept-specific-range',
    section: 'RFC 9110',
    strength: 'MUST',
    title: 'The quality of a media type is that of the most specific range that matches it.',
    mediaTypes: once,
    check: expectTypes(
      [`${jsonType};q=0.2, application/*;q=0.8`, graphqlType],
      [`*/*;q=0.9, ${graphqlType};q=0.1`, jsonType],
    ),
  },
  {
    id: 'accept-others',
    section: 'Body',
    strength: 'MUST',
    title: 'Media types that the server does not support are passed over.',
    mediaTypes: once,
    check: expectTypes(
      [`text/csv, application/xml;q=0.9, ${graphqlType};q=0.1`, graphqlType],
      [`application/graphql+json, ${jsonType};q=0.5, multipart/mixed`, jsonType],
    ),
  },
  {
    id: 'accept-case',
    section: 'RFC 9110',
    strength: 'MUST',
    title: 'Media types in `Accept` are compared without regard to case.',
    mediaTypes: once,
    check: expectTypes(
      ['Application/GraphQL-Response+JSON', graphqlType],
      ['APPLICATION/JSON;Q=0.5', jsonType],
    ),
  },
  {
    id: 'accept-lines',
    section: 'RFC 9110',
    strength: 'MUST',
    title: 'Several lines of `Accept` count as one list.',
    mediaTypes: once,
    check: expectTypes(
      [['text/csv', graphqlType], graphqlType],
      [[`${graphqlType};q=0.1`, jsonType], jsonType],
    ),
  },
  {
    id: 'accept-ranges',
    section: 'RFC 9110',
    strength: 'MUST',
    title: 'A client that accepts */* or application/* gets data of one of the two media types.',
    mediaTypes: once,
    check: expectEitherType('*/*', 'application/*', 'text/html;q=0.1, */*;q=0.01'),
  },
  {
    id: 'accept-absent',
    section: 'Accept',
    strength: 'MAY',
    title: 'A request without `Accept` gets data of one of the two media types.',
    mediaTypes: once,
    check: expectEitherType(undefined),
  },
  {
    id: 'accept-order',
    section: 'Body',
    strength: 'MAY',
    title: 'Of media types of the same quality, the client gets the one that it names first.',
    mediaTypes: once,
    check: expectTypes(
      [`${graphqlType}, ${jsonType}`, graphqlType],
      [`${graphqlType}, application/graphql+json, ${jsonType}, text/event-stream`, graphqlType],
      [`${jsonType}, ${graphqlType}`, jsonType],
    ),
  },
  {
    id: 'accept-nothing-supported',
    section: 'Body',
    strength: 'SHOULD',
    title: 'A client that accepts no supported media type gets 406, and its request is not executed.',
    mediaTypes: once,
    check: async (target) => {
      const accepts = ['text/csv', 'image/*', `${jsonType};q=0, ${graphqlType};q=0`, '*/*;q=0'];
      for (const accept of accepts) {
        const response = await send(target, ask(target, accept));
        requireStatus(response, 406);
        requireThat(!response.bytes.includes('"data"'), response, 'has data');
      }
    },
  },
];

const legacyRows: Row[] = [
  {
    id: 'legacy-success',
    section: 'Body',
    strength: 'SHOULD',
    title: 'A client that accepts application/json alone gets a 2xx response of this type.',
    mediaTypes: legacy,
    check: async (target) => {
      const response = await send(target, ask(target, jsonType));
      requireData(response);
      requireType(response, jsonType);
    },
  },
  {
    id: 'legacy-failure',
    section: 'Body',
    strength: 'SHOULD',
    title:
      'A client that accepts application/json alone gets a response without data as application/graphql-response+json.',
    mediaTypes: legacy,
    check: async (target) => {
      for (const members of [malformed, invalid, notCoercible]) {
        const response = await send(target, post(members));
        requireRequestError(response);
        requireType(response, graphqlType);
      }
    },
  },
  {
    id: 'legacy-unnamed',
    section: 'Body',
    strength: 'SHOULD',
    title:
      'A response without data has a 4xx or 5xx status also if the client sends no `Accept` or accepts */*.',
    mediaTypes: legacy,
    check: async (target) => {
      for (const accept of [undefined, '*/*'])
        for (const members of [malformed, invalid, notCoercible])
          requireStatusBetween(await send(target, post(members, { accept })), 400, 599);
    },
  },
];

/** A check that holds of the responses to a success, to request errors and, if the server has one, to a partial success. */
function ofResponses(check: (response: AuditResponse, target: Target) => void): Row['check'] {
  return async (target) => {
    for (const members of [{ query: target.query }, malformed, invalid, notCoercible])
      check(await send(target, post(members)), target);
    const { partialQuery } = target;
    if (partialQuery !== undefined) check(await send(target, post({ query: partialQuery })), target);
  };
}

const bodyRows: Row[] = [
  {
    id: 'body-type',
    section: 'Body',
    strength: 'MUST',
    title: 'A response has the media type that was asked for in its content type.',
    check: async (target) => {
      const response = await send(target, ask(target, target.accept));
      requireType(response, target.accept);
    },
  },
  {
    id: 'body-charset',
    section: 'Body',
    strength: 'SHOULD',
    title: 'The content type of a response states its charset.',
    check: ofResponses((response) => {
      const type = response.headers['content-type'];
      requireThat(/;\s*charset="?utf-8"?/i.test(`${type}`), response, `content type ${type}`);
    }),
  },
  {
    id: 'body-form',
    section: 'Body',
    strength: 'MUST',
    title: 'The body of a response is a well-formed GraphQL response in UTF-8.',
    check: ofResponses((response) => void requireGraphQL(response)),
  },
  {
    id: 'body-request-error',
    section: 'Body',
    strength: 'MUST',
    title: 'The response to a request that was not executed has errors and no `data`, not even null.',
    check: async (target) => {
      for (const members of [malformed, invalid, notCoercible])
        requireRequestError(await send(target, post(members)));
    },
  },
  {
    id: 'body-partial',
    section: 'Body',
    strength: 'MUST',
    title: 'The response to an operation some of whose fields failed has data, and each error has a path.',
    check: async (target) => {
      const { partialQuery } = target;
      if (partialQuery === undefined) throw new NotApplicable('No query with partial data is given.');
      const response = await send(target, post({ query: partialQuery }));
      const { data, errors = [] } = requireGraphQL(response);
      requireThat(data !== undefined && errors.length > 0, response, 'lacks data or errors');
      requireThat(
        errors.every(({ path }) => Array.isArray(path)),
        response,
        'an error has no path',
      );
    },
  },
];

/** How a server chooses the media type, and what a response contains. */
export const negotiationRows: readonly Row[] = [...acceptRows, ...legacyRows, ...bodyRows];
