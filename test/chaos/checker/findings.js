const EXAMPLES = 5;

/** Differences by name, each with its count and the first few examples. */
export class Findings {
  /** @type {Map<string, import('./types.js').Finding>} */
  #byName = new Map();

  add(name, example) {
    const finding = this.#byName.get(name) ?? { name, count: 0, examples: [] };
    this.#byName.set(name, finding);
    finding.count++;
    if (finding.examples.length < EXAMPLES) finding.examples.push(example);
  }

  list() {
    return [...this.#byName.values()];
  }
}
