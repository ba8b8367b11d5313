// A remote worker of cgroup: adds the total to orders, many of them at a time.
//
// Usage: node worker.mjs URL

import { WebSocket } from 'ws';

const NAME = 'node';
const CONCURRENCY = 100; // orders at a time

class GivenUp extends Error {}

/** Your code. What it returns is the result; an error is a failed attempt. The signal says that its result no longer counts. */
async function handle(order, _attempt, _signal) {
  if (order.count === undefined) throw new GivenUp('the order has no count');
  return { ...order, total: order.price * order.count };
}

const [url] = process.argv.slice(2);
if (!url) {
  console.error('usage: node worker.mjs ws://127.0.0.1:9464/workers');
  process.exit(2);
}
const token = process.env.CGROUP_HTTP_TOKEN;
const headers = token ? { authorization: `Bearer ${token}` } : {};

/** By delivery id: what is in work. It outlives a connection. */
const inWork = new Map();
/** By delivery id: answers that could not be sent. */
const answers = new Map();
let socket;
let wait = 100;
let stopping = false;

function connect() {
  socket = new WebSocket(url, {
    headers,
    perMessageDeflate: false,
    maxPayload: 2 ** 26,
    handshakeTimeout: 10_000,
  });
  let alive; // ends a connection without a sign of life
  const listen = (lease) => {
    clearTimeout(alive);
    alive = setTimeout(() => socket.terminate(), lease);
  };
  let lease = 10_000;
  socket.on('open', () => {
    listen(lease);
    const holds = [...inWork.keys(), ...answers.keys()];
    send({
      id: 'hello',
      method: 'hello',
      params: { name: NAME, concurrency: CONCURRENCY, protocol: 1, holds },
    });
  });
  socket.on('ping', () => listen(lease));
  socket.on('message', (data) => {
    wait = 100;
    const welcome = receive(String(data));
    lease = welcome?.lease ?? lease;
    listen(lease);
  });
  socket.on('error', (error) => console.error(`no connection to ${url}: ${error.message}`));
  socket.on('close', () => {
    clearTimeout(alive);
    if (stopping) return;
    setTimeout(connect, wait * (0.5 + Math.random() / 2));
    wait = Math.min(2 * wait, 5_000);
  });
}

/** Returns false if there is no connection. */
function send(message) {
  if (socket.readyState !== WebSocket.OPEN) return false;
  socket.send(JSON.stringify({ jsonrpc: '2.0', ...message }));
  return true;
}

function refuse(id, code, message) {
  send({ id, error: { code, message } });
}

/** Returns the answer to hello, if it is that. */
function receive(text) {
  let message;
  try {
    message = JSON.parse(text);
  } catch (error) {
    return refuse(null, -32700, `this is not JSON: ${error.message}`);
  }
  if (message?.jsonrpc !== '2.0') return refuse(null, -32600, 'this is no message of JSON-RPC 2.0');
  const { id, method, params, result, error } = message;
  if (method === 'process') {
    if (typeof params?.message === 'object') work(id, params);
    else refuse(id, -32602, 'process: "params.message" must be an object');
  } else if (method === 'cancel') drop(params?.delivery_id, params?.reason);
  else if (method === 'quiet')
    return; // the group is paused or stops: there is nothing to do
  else if (method !== undefined) {
    if (id !== undefined)
      refuse(id, -32601, `there is no method ${method}; there are process, cancel, quiet`);
  } else if (error) console.error(`the group says: ${error.message}`);
  else if (id === 'hello') {
    console.error(`connected: ${result.consumer_id}`);
    for (const held of [...inWork.keys(), ...answers.keys()]) if (!result.resumed.includes(held)) drop(held);
    for (const [held, answer] of answers) if (send(answer)) answers.delete(held);
    return result;
  }
}

async function work(id, { message, attempt }) {
  const controller = new AbortController();
  inWork.set(id, controller);
  let answer;
  try {
    answer = { id, result: (await handle(message, attempt, controller.signal)) ?? null };
  } catch (error) {
    const data = { dead: error instanceof GivenUp };
    answer = { id, error: { code: -32000, message: error.message, data } };
  }
  if (inWork.get(id) !== controller) return; // cancelled
  inWork.delete(id);
  if (!send(answer)) answers.set(id, answer);
  if (stopping) endIfDone();
}

/** Its answer no longer counts. */
function drop(id, reason) {
  answers.delete(id);
  inWork.get(id)?.abort(reason);
  inWork.delete(id);
  if (stopping) endIfDone();
}

/** Takes nothing more, and answers what it has. */
function stop() {
  if (stopping) process.exit(130);
  stopping = true;
  if (!send({ method: 'quiet', params: {} })) process.exit(0);
  setTimeout(() => process.exit(1), 10_000).unref();
  endIfDone();
}

function endIfDone() {
  if (inWork.size > 0) return;
  socket.once('close', () => process.exit(0));
  socket.close(1000);
}

process.on('SIGINT', stop);
process.on('SIGTERM', stop);
connect();
