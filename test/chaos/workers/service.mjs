/**
 * A web service that answers as processor.mjs does, until its parent sends it another mode: `503` (with Retry-After),
 * or `half` (resets the connection in the middle of the answer). To each mode it answers with how many requests met the
 * one before.
 *
 * Arguments: port.
 */
import { createServer } from 'node:http';

let mode = 'well';
let met = 0;

const server = createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => answer(JSON.parse(Buffer.concat(chunks)), response));
});
server.listen(Number(process.argv[2]), '127.0.0.1', () => process.stdout.write('listening\n'));

process.on('message', (next) => {
  process.send({ mode, met });
  [mode, met] = [next, 0];
});
process.on('disconnect', () => process.exit(1));
process.on('SIGTERM', () => process.exit(0));

function answer(message, response) {
  met++;
  const result = JSON.stringify({ ...message, seen: true });
  response.setHeader('content-type', 'application/json');
  if (mode === '503') response.writeHead(503, { 'retry-after': '1' }).end('{"error":"busy"}');
  else if (mode === 'half') {
    response.writeHead(200, { 'content-length': result.length });
    response.write(result.slice(0, result.length / 2), () => response.socket.resetAndDestroy());
  } else response.end(result);
}
