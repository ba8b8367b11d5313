import { count, when } from './format.js';
import { setText, showRows } from './tables.js';

const CLASSES = ['', '', 'text', 'number', 'text', 'id'];
/** ms between two looks at the newest, however fast they come. */
const AGAIN_AFTER = 2_000;

const byId = (id) => document.getElementById(id);

/** The dead letters, a page at a time; the newest page follows what happens. */
export class DeadLetters {
  /** How many are kept, as last heard. */
  #kept;
  /** What the status told of them when the page was asked for. */
  #shownState;
  /** The id before which the page lies; undefined for the newest. */
  #before;
  #last;
  /** How many the page holds; undefined before there is one. */
  #shown;
  /** Settles when the load under way is over. */
  #loading;
  #loadedAt = Number.NEGATIVE_INFINITY;

  constructor() {
    byId('dead-older').addEventListener('click', () => this.#go(this.#last));
    byId('dead-newest').addEventListener('click', () => this.#go(undefined));
  }

  /** Shows the newest, before any status is known. */
  begin() {
    this.#load(undefined, undefined);
  }

  /** @param status of the group, each second */
  update(status) {
    this.#kept = status.deadLetters;
    this.#tellShown();
    // Some may have been sent back and as many have died: the counter tells.
    const state = `${this.#kept} ${status.counters.dead} ${status.counters.revived}`;
    const news = state !== this.#shownState;
    const due = performance.now() - this.#loadedAt >= AGAIN_AFTER;
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
    this.#tellShown();
    byId('dead-older').hidden = !more;
    byId('dead-newest').hidden = this.#before === undefined;
  }

  #tellShown() {
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
