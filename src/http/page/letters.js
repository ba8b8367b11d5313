import { count, when } from './format.js';
import { byId, setText, showRows } from './tables.js';

const CLASSES = ['', '', 'text', 'number', 'text', 'id'];
/** Least ms between two loads of the newest page. */
const LOAD_EVERY = 2_000;

/** Shows the dead letters, a page at a time. The newest page is kept up to date. */
export class DeadLetterTable {
  /** The number of kept dead letters in the last status. */
  #kept;
  /** Their counters in the status, when the shown page was requested. */
  #shownState;
  /** All on the page are older than this id; undefined for the newest page. */
  #before;
  /** The id of the last one on the page. */
  #last;
  /** The number of dead letters on the page; undefined before the first page. */
  #shown;
  /** Resolves when the load under way has ended. */
  #loading;
  #loadedAt = Number.NEGATIVE_INFINITY;

  constructor() {
    byId('dead-older').addEventListener('click', () => this.#go(this.#last));
    byId('dead-newest').addEventListener('click', () => this.#go(undefined));
  }

  /** Shows the newest page, before any status is known. */
  begin() {
    this.#load(undefined, undefined);
  }

  /** @param status of the group, each second */
  update(status) {
    this.#kept = status.deadLetters;
    this.#showCounts();
    // The number alone is not enough: as many may have died as were sent back.
    const state = `${this.#kept} ${status.counters.dead} ${status.counters.revived}`;
    const news = state !== this.#shownState;
    const due = performance.now() - this.#loadedAt >= LOAD_EVERY;
    if (news && due && this.#before === undefined && !this.#loading) this.#load(undefined, state);
  }

  async #go(before) {
    await this.#loading;
    this.#load(before, this.#shownState);
  }

  #load(before, state) {
    this.#loadedAt = performance.now();
    this.#loading = this.#loadAndShow(before, state).finally(() => {
      this.#loading = undefined;
    });
  }

  async #loadAndShow(before, state) {
    try {
      const query = before === undefined ? '' : `?before=${encodeURIComponent(before)}`;
      const response = await fetch(`/api/dead${query}`);
      if (!response.ok) throw new Error(`status ${response.status}`);
      const { letters, more } = await response.json();
      this.#before = before;
      this.#shownState = state;
      this.#last = letters.at(-1)?.id;
      this.#show(letters, more);
    } catch {
      setText(byId('dead-shown'), 'cannot be read at the moment; trying again');
    }
  }

  #show(letters, more) {
    const rows = letters.map((letter) => [
      when(letter.time),
      letter.reason,
      letter.error,
      count(letter.attempts),
      cut(letter),
      letter.id,
    ]);
    showRows(byId('dead'), rows, CLASSES);
    this.#shown = letters.length;
    this.#showCounts();
    byId('dead-older').hidden = !more;
    byId('dead-newest').hidden = this.#before === undefined;
  }

  #showCounts() {
    if (this.#shown === undefined) return;
    const which = this.#before === undefined ? 'the newest' : 'older ones';
    const of = this.#kept === undefined ? '' : ` of ${count(this.#kept)}`;
    setText(byId('dead-shown'), this.#shown === 0 ? 'none' : `${which}: ${count(this.#shown)}${of}`);
  }
}

function cut({ message, message_bytes }) {
  const shown = new TextEncoder().encode(message).length;
  return shown < message_bytes ? `${message} … (${count(message_bytes)} bytes)` : message;
}
