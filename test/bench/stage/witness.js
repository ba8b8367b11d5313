import { connect } from 'node:net';
import { OUTPUT } from '../names.js';
import { Latencies } from './latencies.js';
import { microseconds } from './messages.js';
import { OutputReader } from './output-reader.js';

/**
 * A process of its own that reads the output like a user, with XREAD, and takes the time from the stamp in each message
 * until its result is read here. So a latency includes everything: publisher's socket, Redis, contender, Redis, reader.
 * All processes share the machine's monotonic clock; the ids of the output are too coarse, at 1 ms. It uses a bare socket:
 * a client with an object for each result would take more of the two cores than the contender.
 *
 * Counts the messages `first` … `first + count − 1`, each once, then says `{ latency }`, in ms.
 */
const { port, first, count } = JSON.parse(process.argv[2]);
const PAGE = 1_000;
const BLOCK_MS = 1_000;
/** ms without a result after which no more are expected. */
const STALL_MS = 60_000;

const latencies = new Latencies(first, count);
let [now, heard, known] = [0, performance.now(), 0];
const reader = new OutputReader(
  (number, stamp) => latencies.note(number, now - stamp),
  () => (latencies.isComplete ? end() : ask()),
);
const socket = connect({ port, host: '127.0.0.1', noDelay: true });
socket.on('connect', () => {
  ask();
  process.send({ ready: true });
});
socket.on('data', (chunk) => {
  now = microseconds();
  reader.take(chunk);
});
socket.on('close', () => {
  throw new Error(`Redis closed the witness's connection after ${latencies.known} results`);
});
process.on('disconnect', () => process.exit(1));

function ask() {
  if (latencies.known !== known) [known, heard] = [latencies.known, performance.now()];
  else if (performance.now() - heard > STALL_MS)
    throw new Error(`${known} of ${count} results, and no more within ${STALL_MS / 1_000} s`);
  const words = ['XREAD', 'COUNT', PAGE, 'BLOCK', BLOCK_MS, 'STREAMS', OUTPUT, reader.last].map(String);
  const texts = words.map((word) => `$${word.length}\r\n${word}\r\n`);
  socket.write(`*${words.length}\r\n${texts.join('')}`);
}

function end() {
  process.removeAllListeners('disconnect');
  socket.removeAllListeners('close').destroy();
  process.send({ latency: latencies.percentiles() }, () => process.disconnect());
}
