import { connect } from 'node:net';
import { CHANNEL } from '../names.js';
import { Lateness } from './lateness.js';
import { microseconds, PublishTemplate } from './messages.js';

/**
 * A process of its own that publishes as cheaply as Node can: batches of ready-made commands over a bare socket,
 * and replies that are counted, not parsed. It shares two cores with all that is measured.
 *
 * Says `{ ready }`, waits for `{ go }`, then says `{ published, unheard, began, ended, late, lateP99 }`: messages that
 * nobody received, ms since 1970 of the first write and the last reply, and how many ms messages left late, the latest of them
 * and 99 % of them.
 */
const { port, first, count, rate, stamped } = JSON.parse(process.argv[2]);

/** Most commands in one write. */
const BATCH = 500;
/** Most messages without a reply at full flood: enough to keep Redis busy, too few to fill its buffers. */
const WINDOW = 20_000;
const TICK_MS = 1;
const [LINE_END, COLON, ZERO, MINUS] = [0x0a, 0x3a, 0x30, 0x2d];

const template = new PublishTemplate({ channel: CHANNEL, most: BATCH, stamped });
const socket = connect({ port, host: '127.0.0.1', noDelay: true });
const lateness = new Lateness();
let [sent, replied, unheard, began, before] = [0, 0, 0, 0, LINE_END];

socket.on('connect', () => process.send({ ready: true }));
socket.on('data', countReplies);
socket.on('close', () => {
  if (replied < count) throw new Error(`Redis closed the publisher's connection after ${replied} messages`);
});
process.once('message', () => {
  began = Date.now();
  if (rate === undefined) flood();
  else pace();
});
process.on('disconnect', () => process.exit(1));

/** Each reply is `:RECEIVERS\r\n`. */
function countReplies(chunk) {
  for (const byte of chunk) {
    if (byte === LINE_END) replied++;
    else if (byte === ZERO && before === COLON) unheard++;
    else if (byte === MINUS) throw new Error(`Redis refused: ${chunk.toString('latin1').slice(0, 200)}`);
    before = byte;
  }
  if (replied === count) end();
  else if (rate === undefined) flood();
}

function flood() {
  while (sent < count && sent - replied < WINDOW && !socket.writableNeedDrain)
    send(Math.min(BATCH, count - sent));
  if (socket.writableNeedDrain && sent < count) socket.once('drain', flood);
}

/** What is due leaves every millisecond; what a late tick missed leaves with the next one. */
function pace() {
  const start = performance.now();
  const timer = setInterval(() => {
    const due = Math.min(count, Math.floor(((performance.now() - start) / 1_000) * rate));
    if (due > sent) lateness.note(performance.now() - start - (sent / rate) * 1_000 - TICK_MS, due - sent);
    while (sent < due) send(Math.min(BATCH, due - sent));
    if (sent === count) clearInterval(timer);
  }, TICK_MS);
}

function send(most) {
  socket.write(template.batch(first + sent, most, stamped ? microseconds() : 0));
  sent += most;
}

function end() {
  const [late, lateP99] = [100, 99].map((percent) => lateness.percentile(percent));
  const told = { published: replied, unheard, began, ended: Date.now(), late, lateP99 };
  process.removeAllListeners('disconnect');
  process.send(told, () => {
    socket.destroy();
    process.disconnect();
  });
}
