import { counted } from './format.js';

const KINDS = ['dead', 'gaps', 'lost', 'dropped'];

/**
 * What is new since somebody looked.
 *
 * @param then { totals, at } of that look
 * @param totals counts that only rise
 */
export function newsOf(then, totals, since) {
  const more = (kind) => Math.max(0, totals[kind] - then.totals[kind]);
  const [dead, gaps, lost, dropped] = KINDS.map(more);
  const notes = [];
  if (gaps > 0) notes.push(`${counted(gaps, 'gap')} ${since}: messages may have been missed`);
  if (lost > 0) notes.push(`${counted(lost, 'message')} deleted from the inbox by another program ${since}`);
  if (dropped > 0)
    notes.push(`${counted(dropped, 'message')} dropped ${since}: the buffer of a bridge was full`);
  if (dead > 0) notes.push(`${counted(dead, 'new dead letter')} ${since}`);
  return { dead, gaps, missed: gaps + lost + dropped > 0, notes };
}

/** Remembers in the browser what its user has seen. A look ends when the page is hidden or left, or by a click. */
export class Seen {
  #then;
  #last;

  constructor() {
    addEventListener('pagehide', () => this.#store());
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'hidden') this.#store();
      else this.#then = undefined;
    });
  }

  /** What is new. @param status of the group @param {(iso: string) => string} when */
  update({ group, output, totals, time }, when) {
    const name = `cgroup seen ${group} ${output}`;
    this.#then ??= read(name);
    // An emptied database counts from 0 again.
    const older = KINDS.some((kind) => totals[kind] < (this.#then?.totals[kind] ?? 0));
    if (!this.#then || older) this.#then = { totals, at: time };
    this.#last = { name, value: { totals, at: time } };
    return newsOf(this.#then, totals, `since you looked at ${when(this.#then.at)}`);
  }

  /** All has been seen. */
  mark() {
    this.#then = this.#last?.value;
    this.#store();
  }

  #store() {
    if (!this.#last) return;
    try {
      localStorage.setItem(this.#last.name, JSON.stringify(this.#last.value));
    } catch {
      // The browser keeps nothing: the next look begins anew.
    }
  }
}

function read(name) {
  try {
    const { totals, at } = JSON.parse(localStorage.getItem(name));
    const isRight = KINDS.every((kind) => Number.isFinite(totals[kind])) && Number.isFinite(Date.parse(at));
    return isRight ? { totals, at } : undefined;
  } catch {
    return undefined;
  }
}
