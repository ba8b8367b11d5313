import { once } from 'node:events';
import { connect } from 'node:net';
import { CHANNEL } from '../names.js';
import { keysOf } from './keys.js';
import { Lateness } from './lateness.js';
import { microseconds, PublishTemplate } from './messages.js';

/**
 * A process of its own that publishes as cheaply as Node can: batches of prepared commands over bare sockets, and replies
 * that are counted, not parsed. It shares two cores with the contender. It prepares a flood before it says that it is
 * ready.
 *
 * Says `{ ready }`, waits for `{ go }`, then says `{ published, unheard, began, ended, late, lateP99 }`. `unheard`: messages
 * without a receiver. `began`, `ended`: ms since 1970 of the first write and the last reply. `late`, `lateP99`: ms by which
 * messages left late, the most and p99.
 */
const { port, first, count, rate, stamped, connections, keys } = JSON.parse(process.argv[2]);

/** Most commands in one write. */
const BATCH = 500;
/** Most messages of one connection without a reply at full flood: enough to keep Redis busy, too few to fill its buffers. */
const WINDOW = 20_000;
const TICK_MS = 1;
const [LINE_END, COLON, ZERO, MINUS] = [0x0a, 0x3a, 0x30, 0x2d];

const keyOf = keys && keysOf(keys);
const template = new PublishTemplate({ channel: CHANNEL, most: BATCH, stamped, keyOf });
const lateness = new Lateness();
let [sent, replied, unheard, began] = [0, 0, 0, 0];

/** One of the connections that publish. */
class Outlet {
  #socket = connect({ port, host: '127.0.0.1', noDelay: true });
  #unanswered = 0;
  #before = LINE_END;
  /** It can publish. */
  connected = once(this.#socket, 'connect');

  constructor() {
    this.#socket.on('data', (chunk) => this.#countReplies(chunk));
    this.#socket.on('drain', () => this.flood());
    this.#socket.on('close', () => {
      if (replied < count)
        throw new Error(`Redis closed the publisher's connection after ${replied} messages`);
    });
  }

  /** Sends as much of the flood as it can take now. */
  flood() {
    while (batches.length > 0 && this.#unanswered < WINDOW && !this.#socket.writableNeedDrain) {
      const { bytes, commands } = batches.pop();
      this.write(bytes, commands);
    }
  }

  /** `bytes`: so many commands. */
  write(bytes, commands) {
    this.#socket.write(bytes);
    this.#unanswered += commands;
    sent += commands;
  }

  close() {
    this.#socket.destroy();
  }

  /** Each reply is `:RECEIVERS\r\n`. */
  #countReplies(chunk) {
    const had = replied;
    for (const byte of chunk) {
      if (byte === LINE_END) replied++;
      else if (byte === ZERO && this.#before === COLON) unheard++;
      else if (byte === MINUS) throw new Error(`Redis refused: ${chunk.toString('latin1').slice(0, 200)}`);
      this.#before = byte;
    }
    this.#unanswered -= replied - had;
    if (replied === count) end();
    else this.flood();
  }
}

const outlets = Array.from({ length: connections }, () => new Outlet());
const batches = rate === undefined ? readyMade() : [];
await Promise.all(outlets.map((outlet) => outlet.connected));
process.once('message', () => {
  began = Date.now();
  if (rate === undefined) for (const outlet of outlets) outlet.flood();
  else pace();
});
process.on('disconnect', () => process.exit(1));
process.send({ ready: true });

/** The whole flood, in batches; the last one leaves first. */
function readyMade() {
  if (stamped) throw new TypeError('what is made before it leaves cannot be stamped: give a rate');
  const made = [];
  for (let from = 0; from < count; from += BATCH) {
    const commands = Math.min(BATCH, count - from);
    made.push({ bytes: batch(from, commands), commands });
  }
  return made.reverse();
}

/** Messages that are due leave every millisecond; those of a late tick leave with the next one. */
function pace() {
  const start = performance.now();
  const timer = setInterval(() => {
    const due = Math.min(count, Math.floor(((performance.now() - start) / 1_000) * rate));
    if (due > sent) lateness.note(performance.now() - start - (sent / rate) * 1_000 - TICK_MS, due - sent);
    while (sent < due) {
      const commands = Math.min(BATCH, due - sent);
      outlets[0].write(batch(sent, commands), commands);
    }
    if (sent === count) clearInterval(timer);
  }, TICK_MS);
}

function batch(from, commands) {
  return template.batch(first + from, commands, stamped ? microseconds() : 0);
}

function end() {
  const [late, lateP99] = [100, 99].map((percent) => lateness.percentile(percent));
  const report = { published: replied, unheard, began, ended: Date.now(), late, lateP99 };
  process.removeAllListeners('disconnect');
  process.send(report, () => {
    for (const outlet of outlets) outlet.close();
    process.disconnect();
  });
}
