import { createServer } from 'node:http';
import { readBody } from './readBody.ts';

// The most that node:http can do: it reads the body and sends a constant response.
const { PORT = '0', RESPONSE_BODY = '' } = process.env;
const headers = {
  'content-type': 'application/json; charset=utf-8',
  'content-length': Buffer.byteLength(RESPONSE_BODY),
};

createServer(async (request, response) => {
  await readBody(request);
  response.writeHead(200, headers).end(RESPONSE_BODY);
}).listen(Number(PORT), '127.0.0.1');
