import { Redis } from 'ioredis';
import { BRIDGE, COUNTERS, INBOX, PACKS } from './keys.js';

const EVERY_MS = 50;

/** Reads the counters from Redis every 50 ms, without a proxy, and remembers when they moved. */
export class Probe {
  #redis;
  #timer;
  #asking = false;
  #last = {};
  /** When each counter moved. @type {Record<'relayed' | 'processed', number[]>} */
  #moves = { relayed: [], processed: [] };
  /** The counters and the leader, as last read. */
  seen = { relayed: 0, processed: 0, holder: '' };
  /** The largest backlog read. */
  most = { backlog: 0 };

  constructor(port) {
    this.#redis = new Redis({
      port,
      connectionName: 'chaos:probe',
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      retryStrategy: () => 20,
    });
    this.#redis.on('error', () => {}); // a Redis that is away makes no progress
    this.#timer = setInterval(() => void this.#look(), EVERY_MS);
  }

  /**
   * The longest time without progress between two moments of performance.now().
   *
   * @param {'relayed' | 'processed'} counter
   * @returns {{ from: number, to: number, ms: number }}
   */
  longestStall(counter, from, to) {
    const moves = this.#moves[counter].filter((time) => time > from && time < to);
    let longest = { from, to: from, ms: 0 };
    let before = from;
    for (const time of [...moves, to]) {
      if (time - before > longest.ms) longest = { from: before, to: time, ms: time - before };
      before = time;
    }
    return longest;
  }

  stop() {
    clearInterval(this.#timer);
    this.#redis.disconnect();
  }

  async #look() {
    if (this.#asking) return;
    this.#asking = true;
    try {
      const [[, counts], [, holder], [, ones], [, packs]] = await this.#redis
        .pipeline()
        .hmget(COUNTERS, 'relayed', 'processed', 'packed')
        .hget(BRIDGE, 'holder')
        .xlen(INBOX)
        .xlen(PACKS)
        .exec();
      this.#note('relayed', counts[0]);
      this.#note('processed', counts[1]);
      const backlog = ones + (packs > 0 ? Number(counts[2]) : 0);
      this.most.backlog = Math.max(this.most.backlog, backlog);
      this.seen = { relayed: Number(counts[0]), processed: Number(counts[1]), holder: holder ?? '' };
    } catch {
      // no answer, no progress
    }
    this.#asking = false;
  }

  #note(counter, value) {
    if (this.#last[counter] !== value) this.#moves[counter].push(performance.now());
    this.#last[counter] = value;
  }
}
