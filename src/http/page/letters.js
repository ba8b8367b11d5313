import { count, when } from './format.js';
import { setText, showRows } from './tables.js';

const CLASSES = ['', '', 'text', 'number', 'text', 'id'];
/** ms between two looks at the newest, however fast they come. */
const AGAIN_AFTER = 2_000;

const byId = (id) => document.getElementById(id);

/** The dead letters, a page at a time; the newest page follows what happens. */
export class Letters {
  /** How many are kept, as last heard. */
  #kept = 0;
  #shownKept = -1;
  /** The id before which the page lies; undefined for the newest. */
  #before;
  #last;
  #loading = false;
  #loadedAt = Number.NEGATIVE_INFINITY;

  constructor() {
    byId('dead-older').addEventListener('click', () => this.#go(this.#last));
    byId('dead-newest').addEventListener('click', () => this.#go(undefined));
  }

  /** @param status of the group, each second */
  update(status) {
    this.#kept = status.deadLetters;
    // Some may have been sent back and as many have died: the counter tells.
    const state = `${this.#kept} ${status.counters.dead} ${status.counters.revived}`;
    const news = state !== this.#shownKept;
    const due = performance.now() - this.#loadedAt >= AGAIN_AFTER;
    if (news && due && this.#before === undefined) void this.#load(undefined, state);
  }

  #go(before) {
    void this.#load(before, this.#shownKept);
  }

  async #load(before, state) {
    if (this.#loading) return;
    this.#loading = true;
    this.#loadedAt = performance.now();
    try {
      const query = before === undefined ? '' : `?before=${encodeURIComponent(before)}`;
      const response = await fetch(`/api/dead${query}`);
      if (!response.ok) throw new Error(`status ${response.status}`);
      const { letters, more } = await response.json();
      this.#before = before;
      this.#shownKept = state;
      this.#last = letters.at(-1)?.id;
      this.#show(letters, more);
    } catch {
      setText(byId('dead-shown'), 'cannot be read at the moment; trying again');
    } finally {
      this.#loading = false;
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
    const which = this.#before === undefined ? 'the newest' : 'older ones';
    const text = letters.length === 0 ? 'none' : `${which}: ${count(letters.length)} of ${count(this.#kept)}`;
    setText(byId('dead-shown'), text);
    byId('dead-older').hidden = !more;
    byId('dead-newest').hidden = this.#before === undefined;
  }
}

function cut({ message, message_bytes }) {
  const shown = new TextEncoder().encode(message).length;
  return shown < message_bytes ? `${message} … (${count(message_bytes)} bytes)` : message;
}
