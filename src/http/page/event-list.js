import { byId, make, setText, showItems } from './dom.js';
import { count, when } from './format.js';

const KINDS = { control: 'change', ended: 'ended', gap: 'gap' };
/** Events shown before the button is pressed. */
const FEW = 8;

/** What happened to the group, the newest first. */
export class EventList {
  #all = false;
  #events = [];

  constructor() {
    byId('events-more').addEventListener('click', () => {
      this.#all = !this.#all;
      this.#draw();
    });
  }

  /** @param status of the group */
  show({ events }) {
    this.#events = events;
    this.#draw();
  }

  #draw() {
    const shown = this.#all ? this.#events : this.#events.slice(0, FEW);
    showItems(byId('events'), shown, {
      key: ({ at, kind, who, revision }) => `${at} ${kind} ${who} ${revision}`,
      create: ({ kind }) =>
        make('li', {}, make('time'), make('span', { class: `badge ${kind}` }, KINDS[kind]), make('span')),
      update: (element, { at, who, what, why }) => {
        const [time, , text] = element.children;
        setText(time, when(at));
        time.dateTime = at;
        setText(text, `${who === '' ? '' : `${who} `}${what}${why === '' ? '' : `: ${why}`}`);
      },
    });
    const rest = this.#events.length - FEW;
    byId('events-more').hidden = rest <= 0;
    setText(byId('events-more'), this.#all ? 'Show fewer' : `Show ${count(rest)} more`);
    byId('events-none').hidden = this.#events.length > 0;
  }
}
