import { describe, expect, it } from '@jest/globals';
import { type Outcome, sendRaw, survive } from '../../support/attack.ts';
import { useGateway } from '../../support/gateway.ts';

const graphqlType = 'application/graphql-response+json';
const body = '{"query":"{ __typename }"}';
const data = '{"data":{"__typename":"Query"}}\n';

describe('a hostile accept header', () => {
  const gateway = useGateway();

  /** Sends one line for each of these values of `Accept`, as they are. */
  const send = (...accepts: string[]) =>
    survive(gateway, () =>
      sendRaw(
        gateway,
        [
          'POST /graphql HTTP/1.1',
          'host: gateway',
          'connection: close',
          'content-type: application/json',
          `content-length: ${body.length}`,
          ...accepts.map((accept) => `accept: ${accept}`),
          '',
          body,
        ].join('\r\n'),
      ),
    );
  const toType = ({ headers }: Outcome) => headers.get('content-type');

  it('with as many media ranges as the headers can hold gets a response of the media type that it names last', async () => {
    const ranges = Array.from({ length: 1300 }, (_, n) => `a/${n};q=0.5`);
    const outcome = await send([...ranges, graphqlType].join());
    expect(outcome).toMatchObject({ status: 200, body: data });
    expect(toType(outcome)).toBe(`${graphqlType}; charset=utf-8`);
  });

  it('with as many unsupported media ranges as the headers can hold gets 406', async () => {
    const outcome = await send(Array.from({ length: 1300 }, (_, n) => `a/${n};q=0.5`).join());
    expect(outcome).toMatchObject({ status: 406, code: 'BAD_REQUEST' });
    expect(toType(outcome)).toBe('application/json; charset=utf-8');
  });

  it('with 10,000 media ranges gets 431', async () => {
    const outcome = await send(Array.from({ length: 10_000 }, (_, n) => `a/${n}`).join());
    expect(outcome).toMatchObject({ status: 431, code: 'BAD_REQUEST' });
  });

  it.each([
    ['repeats one media type a thousand times', [Array(1000).fill('*/*').join()], 'application/json'],
    ['is in upper case', [graphqlType.toUpperCase()], graphqlType],
    ['has a quality of 2', [`${graphqlType};q=2`], graphqlType],
    ['has a quality of 2 for one of two types', [`application/json, ${graphqlType};q=2`], graphqlType],
    ['has an empty quality', [`${graphqlType};q=`], graphqlType],
    ['has an empty entry', [`,, ,${graphqlType},`], graphqlType],
    ['has several lines', ['text/html', 'application/json;q=0.1', graphqlType], graphqlType],
    ['is empty', [''], 'application/json'],
    [
      'has a quality of many digits',
      [`application/json;q=0.${'0'.repeat(5000)}1, ${graphqlType}`],
      graphqlType,
    ],
    ['has an open quotation', [`${graphqlType}, text/plain;a="${'\\"'.repeat(3000)}`], graphqlType],
  ])('that %s gets data', async (_, accepts, mediaType) => {
    const outcome = await send(...accepts);
    expect(outcome).toMatchObject({ status: 200, body: data });
    expect(toType(outcome)).toBe(`${mediaType}; charset=utf-8`);
  });

  it.each([
    ['has a quality that is no number', `${graphqlType};q=nan`],
    ['has a negative quality', `${graphqlType};q=-1`],
    ['has only separators', ';;;'],
    ['has only a slash', '/'],
    ['has no subtype', 'application'],
    ['has a type of 10,000 characters', `${'a'.repeat(10_000)}/json`],
    ['has 5,000 parameters', `text/plain${';a'.repeat(5000)}`],
  ])('that %s gets 406', async (_, accept) => {
    const outcome = await send(accept);
    expect(outcome).toMatchObject({ status: 406, code: 'BAD_REQUEST' });
    expect(toType(outcome)).toBe('application/json; charset=utf-8');
  });
});
