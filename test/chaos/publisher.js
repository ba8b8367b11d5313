import { createWriteStream } from 'node:fs';
import { Redis } from 'ioredis';
import { CHANNEL } from './keys.js';
import { messageBytes, sha, usualKind } from './messages.js';

/**
 * A process of its own that publishes to Redis at a steady rate, without a proxy, and writes a ledger. One line per
 * message: number, kind, receivers (`?` if the reply was lost), ms since 1970 when it was sent, Redis's clock before and
 * after, hash of the bytes.
 *
 * Commands from the parent: `{ rate }`, `{ send: KIND, count }` (one every 10 ms beside the others), `{ stop: true }`.
 * The last one is answered by `{ published }`.
 */
const { port, address, run, first, ledger: path } = JSON.parse(process.argv[2]);
let { rate } = JSON.parse(process.argv[2]);

const TICK_MS = 10;
/** Most messages that wait for their replies: a real publisher stops when Redis does. */
const MOST_IN_FLIGHT = 5_000;

const redis = new Redis({
  port,
  host: address,
  connectionName: 'chaos:publisher',
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  retryStrategy: () => 50,
});
redis.on('error', () => {}); // missing replies show it
const ledger = createWriteStream(path);
const special = [];
const underWay = new Set();
let [next, inFlight, due, last] = [first, 0, 0, performance.now()];

const timer = setInterval(tick, TICK_MS);

process.on('message', (command) => {
  if (command.rate !== undefined) rate = command.rate;
  if (command.send) special.push(...Array.from({ length: command.count }, () => command.send));
  if (command.stop) void stop();
});
process.on('disconnect', () => process.exit(1));

function tick() {
  const now = performance.now();
  due += ((now - last) / 1_000) * rate;
  last = now;
  // Missed messages are not caught up in one burst.
  due = Math.min(due, rate / 5);
  const count = Math.min(Math.floor(due), MOST_IN_FLIGHT - inFlight);
  if (redis.status !== 'ready' || count < 0) return;
  due -= count;
  const kinds = Array.from({ length: count }, () => undefined);
  if (special.length > 0) kinds.push(special.shift());
  if (kinds.length > 0) publish(kinds);
}

function publish(kinds) {
  const sent = Date.now();
  const pipeline = redis.pipeline().time();
  const batch = kinds.map((wanted) => {
    const n = next++;
    const kind = wanted ?? usualKind(n);
    const bytes = messageBytes(run, n, kind);
    pipeline.publish(CHANNEL, bytes);
    return { n, kind, hash: sha(bytes) };
  });
  inFlight += batch.length;
  const work = pipeline
    .time()
    .exec()
    .catch(() => undefined)
    .then((replies) => {
      inFlight -= batch.length;
      record(batch, sent, replies);
      underWay.delete(work);
    });
  underWay.add(work);
}

function record(batch, sent, replies) {
  const [before, after] = [clock(replies?.[0]), clock(replies?.at(-1))];
  const lines = batch.map(({ n, kind, hash }, i) => {
    const [error, receivers] = replies?.[i + 1] ?? [true];
    return `${n} ${kind} ${error ? '?' : receivers} ${sent} ${before} ${after} ${hash}\n`;
  });
  ledger.write(lines.join(''));
}

function clock(reply) {
  if (!reply || reply[0]) return '?';
  const [seconds, micros] = reply[1];
  return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
}

async function stop() {
  clearInterval(timer);
  // After this time no reply is expected any more.
  const patience = setTimeout(() => redis.disconnect(), 5_000);
  await Promise.all(underWay);
  clearTimeout(patience);
  redis.disconnect();
  ledger.end(() => process.send({ published: next }, () => process.disconnect()));
  process.removeAllListeners('disconnect');
}
