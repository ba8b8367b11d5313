/** Several processes of one group, as one contender. */
export class Crew {
  #children;

  /** @param {import('./child.js').Child[]} children */
  constructor(children) {
    this.#children = children;
  }

  /** Sums over all processes. */
  usage() {
    const all = this.#children.map((child) => child.usage());
    const sum = (name) => all.reduce((total, usage) => total + usage[name], 0);
    return { cpuMs: sum('cpuMs'), rss: sum('rss') };
  }

  async stop() {
    await Promise.all(this.#children.map((child) => child.stop()));
  }
}
