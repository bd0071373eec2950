import { globSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, describe, expect, it } from '@jest/globals';
import { mediaTypesOf, rows, runRow } from '../../tools/audit/audit.ts';

const query = '{ __typename }';
const success = '{"data":{"__typename":"Query"}}';
const servers: Server[] = [];
afterAll(() => {
  for (const server of servers) server.close();
});

type Answer = { status: number; type: string; body: string };

/** Starts a server that breaks rules; resolves to its URL. */
async function startBroken(answer: (request: IncomingMessage, body: string) => Answer): Promise<string> {
  const server = createServer({ maxHeaderSize: 65_536 }, async (request, response) => {
    const { status, type, body } = answer(request, await text(request).catch(() => ''));
    response.writeHead(status, { 'content-type': type }).end(body);
  });
  servers.push(server.listen(0, '127.0.0.1'));
  await new Promise((resolve) => server.once('listening', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`;
}

const failure = { status: 500, type: 'application/graphql-response+json', body: '<h1>Error</h1>' };
const bodies = new Set([
  JSON.stringify({ query }),
  JSON.stringify({ documentId: `sha256:${'7'.repeat(64)}` }),
]);

/** Executes one query, which it may also get by GET, QUERY or as a persisted document, and fails for anything else. */
function answerOneQuery({ method, url }: IncomingMessage, body: string): Answer {
  const isQuery =
    method === 'GET'
      ? url === '/graphql?query=%7B+__typename+%7D'
      : /^(POST|QUERY)$/.test(`${method}`) && isKnown(body);
  return isQuery ? { status: 200, type: 'text/plain', body: success } : failure;
}

function isKnown(body: string): boolean {
  return bodies.has(body) || /^\{"documentId":"sha256:(?!0)\w+"\}$/.test(body);
}

describe('each rule of the audit', () => {
  const started = Promise.all([
    startBroken(() => ({ status: 200, type: 'text/plain', body: 'OK' })),
    startBroken(() => failure),
    startBroken(() => ({ ...failure, status: 405 })),
    startBroken(answerOneQuery),
  ]);

  it.each(rows.flatMap((row) => mediaTypesOf(row).map((mediaType) => ({ row, mediaType, id: row.id }))))(
    'finds a server that breaks it ($id, $mediaType)',
    async ({ row, mediaType }) => {
      const verdicts = await Promise.all(
        (await started).map(async (url) => {
          const target = { url, accept: mediaType, headers: { 'x-key': '1' }, query, slowRequestMs: 20 };
          return (await runRow(row, { ...target, partialQuery: '{ part }', nullQuery: '{ none }' })).verdict;
        }),
      );
      expect(verdicts).toContain(row.strength === 'MAY' ? 'not used' : 'fails');
    },
  );
});

describe('tools/audit/', () => {
  it('imports only Node and its own files, so that it can audit any server', () => {
    const folder = new URL('../../tools/audit/', import.meta.url);
    const texts = globSync('*.ts', { cwd: folder }).map((file) =>
      readFileSync(new URL(file, folder), 'utf8'),
    );
    const imported = texts.flatMap((source) =>
      [...source.matchAll(/ from '(.+)';$/gm)].map(([, name]) => name),
    );
    expect(imported.length).toBeGreaterThan(20);
    expect(imported.filter((name) => !/^(node:[a-z/]+|\.\/\w+\.ts)$/.test(`${name}`))).toEqual([]);
  });
});
