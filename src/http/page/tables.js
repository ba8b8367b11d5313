/**
 * Updates a table body; changes only what differs. All content is text, never markup.
 *
 * @param {HTMLElement} body
 * @param {readonly (readonly string[])[]} rows
 * @param {readonly string[]} classes of the cells in each row
 */
export function showRows(body, rows, classes) {
  while (body.children.length > rows.length) body.lastElementChild.remove();
  while (body.children.length < rows.length) body.append(emptyRow(classes));
  rows.forEach((cells, at) => {
    const row = body.children[at];
    cells.forEach((text, column) => {
      setText(row.children[column], text);
    });
  });
}

export const byId = (id) => document.getElementById(id);

/** @param {Element} element @param {string} text */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function emptyRow(classes) {
  const row = document.createElement('tr');
  for (const name of classes) {
    const cell = document.createElement('td');
    cell.className = name;
    row.append(cell);
  }
  return row;
}
