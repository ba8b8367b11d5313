import { createServer } from 'node:http';
import noop from './noop.mjs';

/** The same as noop.mjs, as a web service in a process of its own. Says `{ url }`. */
const server = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = JSON.stringify(noop(JSON.parse(Buffer.concat(chunks))));
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
  response.end(body);
});
process.on('disconnect', () => process.exit(1));
server.listen(0, '127.0.0.1', () => process.send({ url: `http://127.0.0.1:${server.address().port}/` }));
