import { createHistogram } from 'node:perf_hooks';
import { Redis } from 'ioredis';
import { OUTPUT } from '../names.js';
import { microseconds, numberOf } from './messages.js';

/**
 * A process of its own that reads the output as a user would, and takes the time from the stamp in each message until
 * it is read here. So a latency holds everything: publisher's socket, Redis, contender, Redis, reader. All processes
 * share the machine's monotonic clock; the ids of the output are too coarse, at 1 ms.
 *
 * Counts the messages `first` … `first + count − 1`, then says `{ latency }` in ms.
 */
const { port, first, count } = JSON.parse(process.argv[2]);
const PAGE = 1_000;
/** Without a result for so long, what is missing will not come. */
const STALL_MS = 60_000;

const redis = new Redis({ port, host: '127.0.0.1' });
/** µs */
const histogram = createHistogram({ figures: 3 });
process.on('disconnect', () => process.exit(1));

let [last, heard] = ['0', performance.now()];
process.send({ ready: true });
while (histogram.count < count) {
  const reply = await redis.xread('COUNT', PAGE, 'BLOCK', 1_000, 'STREAMS', OUTPUT, last);
  if (!reply && performance.now() - heard > STALL_MS)
    throw new Error(`${histogram.count} of ${count} results, and no more within ${STALL_MS / 1_000} s`);
  if (!reply) continue;
  heard = performance.now();
  const now = microseconds();
  for (const [id, fields] of reply[0][1]) {
    last = id;
    record(Object.fromEntries([0, 2, 4, 6].map((i) => [fields[i], fields[i + 1]])), now);
  }
}
const at = (percentile) => histogram.percentile(percentile) / 1_000;
const latency = { p50: at(50), p99: at(99), p999: at(99.9), max: histogram.max / 1_000 };
process.removeAllListeners('disconnect');
process.send({ latency }, () => process.disconnect());
redis.disconnect();

function record({ message_id, data }, now) {
  if (numberOf(message_id) < first) return;
  histogram.record(Math.max(1, now - Number(JSON.parse(data).sent)));
}
