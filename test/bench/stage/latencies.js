/**
 * The latency of each message, by its number: adding one is a store into memory that is allocated already, and no message
 * can count twice.
 */
export class Latencies {
  #first;
  /** µs; 0 for a message that has not come. */
  #micros;
  #known = 0;

  /** For the messages `first` … `first + count − 1`; ignores those before. */
  constructor(first, count) {
    this.#first = first;
    this.#micros = new Uint32Array(count);
  }

  get known() {
    return this.#known;
  }

  get isComplete() {
    return this.#known === this.#micros.length;
  }

  /** @throws {Error} for a message that came before, and for an unknown one */
  note(number, micros) {
    const i = number - this.#first;
    if (i < 0) return;
    if (!(i < this.#micros.length)) throw new Error(`result of a message that was not published: ${number}`);
    if (this.#micros[i] !== 0) throw new Error(`a second result of message ${number}`);
    this.#micros[i] = Math.max(1, micros);
    this.#known++;
  }

  /** Percentiles in ms, of all messages. */
  percentiles() {
    const sorted = this.#micros.slice().sort();
    const at = (percent) => sorted[Math.ceil((sorted.length * percent) / 100) - 1] / 1_000;
    return { p50: at(50), p99: at(99), p999: at(99.9), max: at(100) };
  }
}
