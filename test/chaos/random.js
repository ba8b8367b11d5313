import { createHash } from 'node:crypto';

/**
 * Random numbers that a seed repeats. Each round derives its own seed from that of the run and its name, so a round
 * that is replayed alone makes the same choices.
 */
export class Random {
  #state;

  /** @param {...(string | number)} seeds */
  constructor(...seeds) {
    this.#state = createHash('sha256').update(seeds.join('/')).digest().readUInt32LE(0);
  }

  /** 0 ≤ x < 1 (mulberry32). */
  next() {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number, from ≤ x ≤ to. */
  between(from, to) {
    return from + Math.floor(this.next() * (to - from + 1));
  }

  pick(list) {
    return list[this.between(0, list.length - 1)];
  }

  /** A new list in random order. */
  shuffle(list) {
    const shuffled = [...list];
    for (let i = shuffled.length - 1; i > 0; i--) {
      const j = this.between(0, i);
      [shuffled[i], shuffled[j]] = [shuffled[j], shuffled[i]];
    }
    return shuffled;
  }
}
