// Adds the total to orders: a worker that cgroup starts, and that reads and writes lines. It depends on nothing but Node,
// and works on many messages at a time.
import { createInterface } from 'node:readline';

/** Returns the result of a message. An exception is a failed attempt: the message is tried again. */
async function handle(order, _signal) {
  if (order.count === undefined) throw Object.assign(new Error('the order has no count'), { dead: true });
  return { ...order, total: order.price * order.count };
}

/** What stops the messages in work, by delivery. */
const running = new Map();

// stdout is for replies only. Logs go to stderr: console.error(...)
const reply = (id, body) => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, ...body })}\n`);
const error = (code, message, data) => ({ error: { code, message, data } });

async function work({ delivery_id: id, message }) {
  const controller = new AbortController();
  running.set(id, controller);
  try {
    reply(id, { result: await handle(message, controller.signal) });
  } catch (why) {
    reply(id, error(-32000, why.message, { dead: why.dead === true }));
  } finally {
    running.delete(id);
  }
}

function receive(line) {
  let request;
  try {
    request = JSON.parse(line);
  } catch {
    reply(null, error(-32700, 'this line is no JSON'));
    return;
  }
  const { id, method, params } = request;
  if (method === 'process') void work(params);
  else if (method === 'cancel') running.get(params.delivery_id)?.abort();
  else if (method && id !== undefined) reply(id, error(-32601, 'there is only process'));
}

createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY }).on('line', receive);
