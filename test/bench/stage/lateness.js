/** How late messages left, by the publisher's own plan. */
export class Lateness {
  /** @type {[ms: number, messages: number][]} */
  #ticks = [];
  #messages = 0;

  /** Adds messages that leave together; `ms` is how late the first of them is. */
  note(ms, messages) {
    this.#ticks.push([Math.max(0, ms), messages]);
    this.#messages += messages;
  }

  /** The ms within which so many per cent of the messages left; 0 if there were none. */
  percentile(percent) {
    const wanted = (this.#messages * percent) / 100;
    let seen = 0;
    for (const [ms, messages] of this.#ticks.sort(([a], [b]) => a - b)) {
      seen += messages;
      if (seen >= wanted) return ms;
    }
    return 0;
  }
}
