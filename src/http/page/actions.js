import { button, byId, make, setText } from './dom.js';

/** A call of an action that was refused, or failed. */
class ActionError extends Error {}

/**
 * Asks the server to act.
 *
 * @param {string} action
 * @param {object} body
 * @returns what it replies
 */
export async function act(action, body) {
  const response = await fetch(`/api/actions/${action}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-cgroup-action': action },
    body: JSON.stringify(body),
  }).catch(() => {
    throw new ActionError('The process does not answer. Look at the page before you try again.');
  });
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  const stale = answer.code === 'STALE' ? ' Somebody was faster: look at the page, and ask again.' : '';
  throw new ActionError(`Not done: ${answer.error ?? `status ${response.status}`}.${stale}`);
}

/** The dialog that says what will happen, and asks. */
export class Confirmation {
  #dialog = byId('confirm');
  #form = byId('confirm-form');
  #run = () => {};

  constructor() {
    byId('confirm-cancel').addEventListener('click', () => this.#dialog.close());
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    });
    byId('confirm-by').value = stored();
  }

  /**
   * Opens it.
   *
   * @param asked `title`; `texts`, what will happen; `verb`, what the button says; `danger` if it cannot be undone; `fields`, elements
   *   that are asked for; `withWhy` if the group keeps the reason; `run`, which gets { by, why } and returns what was done, in words
   */
  ask({ title, texts, verb, danger = false, fields = [], withWhy = false, run }) {
    this.#run = run;
    setText(byId('confirm-title'), title);
    byId('confirm-text').replaceChildren(...texts.map((text) => make('p', {}, text)));
    byId('confirm-fields').replaceChildren(...fields);
    byId('confirm-why').value = '';
    byId('confirm-why-field').hidden = !withWhy;
    const go = byId('confirm-go');
    setText(go, verb);
    go.classList.toggle('danger', danger);
    go.disabled = false;
    setText(byId('confirm-error'), '');
    this.#dialog.showModal();
    // A user who presses Enter too fast loses nothing.
    if (danger) byId('confirm-cancel').focus();
  }

  async #submit() {
    const go = byId('confirm-go');
    if (go.disabled) return;
    const by = byId('confirm-by').value.trim();
    const why = byId('confirm-why').value.trim();
    store(by);
    go.disabled = true;
    try {
      const done = await this.#run({ ...(by !== '' && { by }), ...(why !== '' && { why }) });
      this.#dialog.close();
      told(done);
    } catch (error) {
      // The text of an error of ours is for people; any other is a mistake in this page.
      setText(byId('confirm-error'), error.message);
      if (!(error instanceof ActionError)) throw error;
    } finally {
      go.disabled = false;
    }
  }
}

/** Says what was done, for a while. */
export function told(text) {
  setText(byId('done'), text);
  byId('done').hidden = false;
  clearTimeout(told.hiding);
  told.hiding = setTimeout(() => {
    byId('done').hidden = true;
    setText(byId('done'), '');
  }, 8_000);
}

/** A button of an action: it is there only if the server acts. */
export function actionButton(text, run, attributes = {}) {
  return button(text, run, { class: 'action', ...attributes });
}

const NAME = 'cgroup name';

function stored() {
  try {
    return localStorage.getItem(NAME) ?? '';
  } catch {
    return '';
  }
}

function store(name) {
  try {
    localStorage.setItem(NAME, name);
  } catch {
    // The browser keeps nothing.
  }
}
