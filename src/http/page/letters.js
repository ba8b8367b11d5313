import { button, byId, make, setText, showItems, toggle } from './dom.js';
import { count, counted, when } from './format.js';
import { LetterActions } from './letter-actions.js';
import { LetterDetail } from './letter-detail.js';

/** Least ms between two loads of what is shown, and from the last key to a search. */
const LOAD_EVERY = 2_000;
const SEARCH_AFTER = 300;

/** Shows the dead letters: counted by error, and a page of them, a line each. The newest page is kept up to date. */
export class DeadLetterList {
  /** The number of kept dead letters in the last status. */
  #kept;
  #haltedIds = new Set();
  /** Their counters in the status, when what is shown was requested. */
  #shownState;
  #loading;
  #loadedAt = Number.NEGATIVE_INFINITY;
  /** The group whose dead letters are shown; undefined for all. */
  #group;
  #search = '';
  /** All on the page are older than this id; undefined for the newest page. */
  #before;
  /** Where the next page begins. */
  #next;
  #letters = [];
  #details = new Map();
  #actions;
  #typing;

  /** @param confirmation of {@link Confirmation} */
  constructor(confirmation) {
    this.#actions = new LetterActions(confirmation, () => this.#load());
    byId('dead-older').addEventListener('click', () => this.#go({ before: this.#next }));
    byId('dead-newest').addEventListener('click', () => this.#go({}));
    byId('dead-all').addEventListener('click', () => this.#go({ group: null }));
    byId('dead-search').addEventListener('input', ({ target }) => {
      clearTimeout(this.#typing);
      this.#typing = setTimeout(() => this.#go({ search: target.value.trim() }), SEARCH_AFTER);
    });
    for (const action of ['retry', 'purge'])
      byId(`dead-${action}`).addEventListener('click', () => this.#actions.ask(action, this.#meant));
  }

  /** Shows the newest page, before any status is known. */
  begin() {
    this.#load();
  }

  /** @param status of the group, each second */
  update(status) {
    this.#kept = status.deadLetters;
    this.#haltedIds = new Set(status.halted.map(({ deadId }) => deadId));
    this.#showCounts();
    // The number alone is not enough: as many may have died as were sent back.
    const state = `${this.#kept} ${status.counters.dead} ${status.counters.revived}`;
    const news = state !== this.#shownState;
    const due = performance.now() - this.#loadedAt >= LOAD_EVERY;
    if (news && due && this.#before === undefined && !this.#loading) this.#load(state);
  }

  /** What the buttons above the list act on. */
  get #meant() {
    if (this.#search !== '')
      return { ids: this.#letters.map(({ id }) => id), name: `shown that match “${this.#search}”` };
    const { key, reason, error } = this.#group ?? {};
    return this.#group
      ? { filter: { group: key }, name: `with the error “${error}” (${reason})` }
      : { filter: {}, name: 'of the group' };
  }

  async #go({ group = this.#group, search = this.#search, before }) {
    await this.#loading;
    this.#group = group ?? undefined;
    this.#search = search;
    this.#before = before;
    await this.#load(this.#shownState);
  }

  #load(state) {
    this.#loadedAt = performance.now();
    this.#loading = this.#loadAndShow(state).finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  async #loadAndShow(state) {
    const query = new URLSearchParams();
    if (this.#before !== undefined) query.set('before', this.#before);
    if (this.#group) query.set('group', this.#group.key);
    if (this.#search !== '') query.set('search', this.#search);
    try {
      const [page, groups] = await Promise.all([read(`/api/dead?${query}`), read('/api/dead/groups')]);
      this.#shownState = state;
      this.#next = page.next ?? page.letters.at(-1)?.id;
      this.#letters = page.letters;
      this.#showGroups(groups);
      this.#showLetters(page);
    } catch {
      setText(byId('dead-shown'), 'cannot be read at the moment; trying again');
      this.#shownState = undefined;
    }
  }

  #showGroups({ groups, looked, of }) {
    // Its error is that of the newest letter.
    this.#group = this.#group && (groups.find(({ key }) => key === this.#group.key) ?? this.#group);
    const few = looked < of ? `the newest ${count(looked)} of ${count(of)}, by error` : '';
    setText(byId('groups-shown'), few);
    byId('groups').hidden = groups.length === 0;
    showItems(byId('groups'), groups, {
      key: ({ key }) => key ?? 'others',
      create: (group) => {
        const parts = ['count', 'badge', 'error', 'quiet'].map((name) => make('span', { class: name }));
        const choose = button('', () => this.#go({ group: this.#group?.key === group.key ? null : group }));
        choose.append(...parts);
        // The rest, in many groups, cannot be chosen.
        choose.disabled = group.key === null;
        return make('li', {}, choose);
      },
      update: (element, { key, count: number, reason, error, newest }) => {
        const [choose] = element.children;
        choose.setAttribute('aria-pressed', String(key !== null && this.#group?.key === key));
        const texts = [count(number), reason, error, `last ${when(newest)}`];
        texts.forEach((text, at) => {
          setText(choose.children[at], text);
        });
      },
    });
  }

  #showLetters({ letters, more }) {
    showItems(byId('dead'), letters, {
      key: ({ id }) => id,
      create: (letter) => this.#lineOf(letter),
      update: (element, letter) => {
        const [opener] = element.children;
        opener.classList.toggle('halted', this.#haltedIds.has(letter.id));
      },
    });
    const ids = new Set(letters.map(({ id }) => id));
    for (const id of this.#details.keys()) if (!ids.has(id)) this.#details.delete(id);
    byId('dead-older').hidden = !more;
    byId('dead-newest').hidden = this.#before === undefined;
    byId('dead-all').hidden = this.#group === undefined;
    const acts = letters.length > 0;
    byId('dead-retry').hidden = !acts;
    byId('dead-purge').hidden = !acts;
    this.#showCounts();
  }

  /** The line of a dead letter. It opens to the whole of it. */
  #lineOf({ id, time, reason, error, attempts, message }) {
    const inside = make('div', { class: 'detail', hidden: '' });
    const opener = button('', () => {
      if (!toggle(opener, inside)) return;
      const detail = this.#details.get(id) ?? new LetterDetail(id, inside);
      this.#details.set(id, detail);
      detail.load(this.#haltedIds.has(id), this.#actions);
    });
    opener.setAttribute('aria-expanded', 'false');
    opener.append(
      make('time', { datetime: time }, when(time)),
      make('span', { class: 'badge' }, reason),
      make('span', { class: 'error' }, error.split('\n', 1)[0]),
      make('span', { class: 'quiet message' }, message.slice(0, 200)),
      make('span', { class: 'number' }, counted(attempts, 'attempt')),
    );
    return make('li', {}, opener, inside);
  }

  #showCounts() {
    const shown = this.#letters.length;
    const isAll = !this.#group && this.#search === '';
    const which = this.#before === undefined ? 'the newest' : 'older ones';
    const of = this.#kept === undefined || !isAll ? '' : ` of ${count(this.#kept)}`;
    const what = [
      ...(this.#group ? [`of one error`] : []),
      ...(this.#search === '' ? [] : [`with “${this.#search}”`]),
    ].join(', ');
    const text = `${which}${what === '' ? '' : ` ${what}`}: ${count(shown)}${of}`;
    setText(byId('dead-shown'), shown === 0 ? (isAll ? 'none' : `none ${what}`) : text);
  }
}

async function read(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`status ${response.status}`);
  return response.json();
}
