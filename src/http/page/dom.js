/** What the parts of the page make and change of its document. All content is text, never markup. */

export const byId = (id) => document.getElementById(id);

/** Changes only what differs: screen readers read changes aloud. @param {Element} element @param {string} text */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Makes an element.
 *
 * @param {string} tag
 * @param {Record<string, string>} attributes
 * @param {...(Node | string)} children
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** A button that does something. @param {string} text @param {() => void} act */
export function button(text, act, attributes = {}) {
  const element = make('button', { type: 'button', ...attributes }, text);
  element.addEventListener('click', act);
  return element;
}

/**
 * Shows an element for each item, behind all others of the parent. An element stays the same as long as its item is there, so the
 * focus stays too.
 *
 * @param {Element} parent
 * @param {readonly unknown[]} items
 * @param how `key` of an item, as text; `create` makes an element; `update` shows an item in it
 */
export function showItems(parent, items, { key, create, update }) {
  const shown = [...parent.children].filter(({ dataset }) => dataset.key !== undefined);
  const old = new Map(shown.map((one) => [one.dataset.key, one]));
  let place = shown[0] ?? null;
  for (const item of items) {
    const name = key(item);
    const element = old.get(name) ?? create(item);
    old.delete(name);
    element.dataset.key = name;
    update(element, item);
    if (element === place) place = place.nextElementSibling;
    else parent.insertBefore(element, place);
  }
  for (const gone of old.values()) gone.remove();
}

/**
 * Shows rows of text in a table.
 *
 * @param {Element} body of the table
 * @param {readonly (readonly string[])[]} rows the first text of each is its key
 * @param columns [label, class] of each
 */
export function showRows(body, rows, columns) {
  showItems(body, rows, {
    key: ([name]) => name,
    create: () => row(columns),
    update: showCells,
  });
}

/** A row with empty cells. The label of a cell is shown where the table has no head: on a phone. */
export function row(columns) {
  const cells = columns.map(([label, name]) =>
    make('td', { role: 'cell', 'data-label': label, class: name }),
  );
  return make('tr', { role: 'row' }, ...cells);
}

/** @param {Element} element a row @param {readonly string[]} texts of its first cells */
export function showCells(element, texts) {
  texts.forEach((text, at) => {
    setText(element.children[at], text);
  });
}

/** A table with a head and no rows. The roles are given again: a table that is shown as cards loses its own. */
export function table(columns, attributes = {}) {
  const cells = columns.map(([label, name]) =>
    make('th', { role: 'columnheader', scope: 'col', class: name }, label),
  );
  const head = make('thead', { role: 'rowgroup' }, make('tr', { role: 'row' }, ...cells));
  return make('table', { role: 'table', class: 'cards', ...attributes }, head);
}

/** Rows of a table. */
export function tableBody(attributes = {}, ...rows) {
  return make('tbody', { role: 'rowgroup', ...attributes }, ...rows);
}

/** Puts a table into its place. @returns its body, which has this id */
export function tableIn(place, columns, id) {
  const body = tableBody({ id });
  const whole = table(columns);
  whole.append(body);
  place.append(whole);
  return body;
}

/** A button that opens and closes an element. @returns whether it is open now */
export function toggle(opener, target, open = opener.getAttribute('aria-expanded') !== 'true') {
  opener.setAttribute('aria-expanded', String(open));
  target.hidden = !open;
  return open;
}
