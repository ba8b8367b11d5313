/**
 * A remote worker without cgroup: it knows the protocol and the library `ws`, and keeps nothing across a lost
 * connection. It answers as processor.mjs does.
 *
 * Arguments: name, concurrency, URLs with commas between. The token is in CGROUP_HTTP_TOKEN.
 */
import { WebSocket } from 'ws';

const [name, concurrency, urls] = process.argv.slice(2);
const RETRY_MS = 300;

const sockets = new Set();
let stopping = false;

for (const url of urls.split(',')) connect(url);
process.once('SIGTERM', () => {
  stopping = true;
  for (const socket of sockets) socket.close(1000);
});

function connect(url) {
  if (stopping) return;
  const headers = { authorization: `Bearer ${process.env.CGROUP_HTTP_TOKEN}` };
  const socket = new WebSocket(url, { headers, handshakeTimeout: 3_000 });
  const send = (message) => socket.send(JSON.stringify({ jsonrpc: '2.0', ...message }));
  let watch;
  let lease = 10_000;
  const heard = () => {
    clearTimeout(watch);
    watch = setTimeout(() => socket.terminate(), lease);
  };
  sockets.add(socket);
  socket.on('open', () => {
    heard();
    send({ id: 'hello', method: 'hello', params: { name, concurrency: Number(concurrency), protocol: 1 } });
  });
  socket.on('ping', heard);
  socket.on('message', (text) => {
    heard();
    const { id, method, params, result } = JSON.parse(text);
    if (method === 'process') send({ id, result: { ...params.message, seen: true } });
    if (id !== 'hello' || !result) return;
    lease = result.lease;
    process.stdout.write(`connected to ${url} as ${result.consumer_id}\n`);
  });
  socket.on('error', (error) => process.stdout.write(`${url}: ${error.message}\n`));
  socket.on('close', (code) => {
    clearTimeout(watch);
    sockets.delete(socket);
    process.stdout.write(`${url}: closed (${code})\n`);
    setTimeout(connect, RETRY_MS, url);
  });
}
