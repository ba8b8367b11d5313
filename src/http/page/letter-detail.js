import { actionButton } from './actions.js';
import { button, make, setText } from './dom.js';
import { count, prettyJson } from './format.js';

/** All of one dead letter, loaded when its line is opened. */
export class LetterDetail {
  #id;
  #place;
  #loaded = false;

  /** @param {string} id @param {HTMLElement} place where it is shown */
  constructor(id, place) {
    this.#id = id;
    this.#place = place;
  }

  /** @param {boolean} halted whether it stops an order @param actions of {@link LetterActions} */
  async load(halted, actions) {
    if (this.#loaded) return;
    setText(this.#place, 'Reading …');
    try {
      const response = await fetch(`/api/dead/one?id=${encodeURIComponent(this.#id)}`);
      const letter = await response.json();
      if (!response.ok) throw new Error(letter.error);
      this.#loaded = true;
      this.#place.replaceChildren(...partsOf(letter), this.#buttons(halted, actions));
    } catch (error) {
      setText(this.#place, `It cannot be read: ${error.message}`);
    }
  }

  #buttons(halted, actions) {
    const names = halted ? ['retry', 'skip', 'purge'] : ['retry', 'purge'];
    const texts = { retry: 'Retry …', skip: 'Skip …', purge: 'Delete …' };
    const meant = { ids: [this.#id], name: this.#id };
    const all = names.map((name) => actionButton(texts[name], () => actions.ask(name, meant)));
    return make('p', { class: 'tools' }, ...all);
  }
}

function partsOf(letter) {
  const { id, inbox_id, consumer_id, time, key, error, stack, message, message_bytes } = letter;
  const ids = [
    ['dead letter', id],
    ['inbox id', inbox_id],
    ['consumer', consumer_id],
    ['died at', time],
    ['key', key],
  ].filter(([, text]) => text);
  const list = make(
    'dl',
    { class: 'ids' },
    ...ids.map(([name, text]) => {
      const code = make('code', {}, text);
      return make('div', {}, make('dt', {}, name), make('dd', {}, code, ' ', copyButton(name, code)));
    }),
  );
  const bytes = new TextEncoder().encode(message).length;
  const cut = bytes < message_bytes ? `: the first ${count(bytes)} of ${count(message_bytes)} bytes` : '';
  const parts = [list, ...block('Error', error)];
  if (stack) parts.push(...block('Stack', stack));
  return [...parts, ...block(`Message${cut}`, prettyJson(message))];
}

/** A text in full, with a button that copies it. */
function block(title, text) {
  const body = make('pre', { tabindex: '0', 'aria-label': title }, text);
  return [make('h3', {}, `${title} `, copyButton(title.toLowerCase(), body)), body];
}

function copyButton(name, source) {
  const element = button('Copy', async () => {
    setText(element, (await copy(source)) ? 'Copied' : 'Press Ctrl-C');
    setTimeout(() => setText(element, 'Copy'), 2_000);
  });
  element.className = 'copy';
  element.setAttribute('aria-label', `Copy ${name}`);
  return element;
}

/** Copies the text of an element; over plain HTTP the browser forbids that, so the text is selected. */
async function copy(source) {
  try {
    await navigator.clipboard.writeText(source.textContent);
    return true;
  } catch {
    getSelection().selectAllChildren(source);
    return false;
  }
}
