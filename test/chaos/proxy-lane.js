import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

/** Bytes of each chunk that go one by one; the rest goes at once, or it would keep a core busy. */
const SLICES = 256;

/** One direction of one connection through the proxy. */
export class Lane {
  #direction;
  #from;
  #to;
  #link;
  #proxy;
  /** Delayed or sliced chunks go one after the other; undefined when none is under way. */
  #tail;

  /**
   * @param {'requests' | 'replies'} direction
   * @param {import('node:net').Socket} from
   * @param {import('node:net').Socket} to
   * @param {{ broken: boolean, reset: () => void }} link
   * @param {import('./fault-proxy.js').FaultProxy} proxy
   */
  constructor(direction, from, to, link, proxy) {
    this.#direction = direction;
    this.#from = from;
    this.#to = to;
    this.#link = link;
    this.#proxy = proxy;
    from.on('data', (chunk) => this.#take(chunk));
    from.on('end', () => !link.broken && this.#inTurn(() => to.end()));
    // Passes on a reset, but not to the peer of a half-open connection.
    from.on('error', () => !link.broken && reset(to));
  }

  #take(chunk) {
    const { modes, counts, onRequest } = this.#proxy;
    if (this.#direction === 'requests') onRequest?.(chunk, this.#link);
    const mode = modes[this.#direction];
    if (mode === 'pass') return this.#pass(chunk);
    this.#link.broken = true;
    if (mode === 'drop') {
      counts.dropped += chunk.length;
      return;
    }
    counts.held += chunk.length;
    this.#from.pause();
  }

  #pass(chunk) {
    const { delay, slicing, throttles, counts } = this.#proxy;
    if (throttles) return this.#throttle(chunk);
    if (!delay && !slicing && !this.#tail) return this.#write(chunk);
    if (delay) counts.delayed += chunk.length;
    const due = performance.now() + delay;
    this.#inTurn(async () => {
      const wait = due - performance.now();
      if (wait > 0) await sleep(wait);
      if (slicing) await this.#slice(chunk);
      else this.#write(chunk);
    });
  }

  #inTurn(work) {
    if (!this.#tail) this.#tail = Promise.resolve();
    const turn = this.#tail.then(work).catch(() => {});
    this.#tail = turn;
    turn.then(() => {
      if (this.#tail === turn) this.#tail = undefined;
    });
  }

  /** The sender waits: a slow link holds little. */
  #throttle(chunk) {
    this.#from.pause();
    this.#proxy.counts.throttled += chunk.length;
    const throttle = this.#proxy.throttles[this.#direction];
    this.#inTurn(async () => {
      for await (const piece of throttle.pieces(chunk)) {
        if (this.#to.destroyed) return;
        if (!this.#to.write(piece)) await once(this.#to, 'drain');
      }
      this.#from.resume();
    });
  }

  async #slice(chunk) {
    const end = Math.min(chunk.length, SLICES);
    for (let i = 0; i < end; i++) {
      // Each waits for the one before, or they would leave together.
      await new Promise((done) => this.#to.write(chunk.subarray(i, i + 1), done));
      this.#proxy.counts.sliced++;
    }
    if (end < chunk.length) this.#write(chunk.subarray(end));
  }

  #write(chunk) {
    if (this.#to.destroyed || this.#to.write(chunk)) return;
    this.#from.pause();
    this.#to.once('drain', () => this.#from.resume());
  }
}

/** Closes with a RST; without one if the socket is being shut down, or Node would keep its handle for ever. */
export function reset(socket) {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}
