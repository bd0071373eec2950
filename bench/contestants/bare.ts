import { createServer } from 'node:http';

// The most a Node process can do: it reads a question, and answers constant bytes.
const { PORT = '0', BODY = '' } = process.env;
const headers = {
  'content-type': 'application/json; charset=utf-8',
  'content-length': Buffer.byteLength(BODY),
};

createServer((request, response) => {
  request.resume().once('end', () => response.writeHead(200, headers).end(BODY));
}).listen(Number(PORT), '127.0.0.1');
