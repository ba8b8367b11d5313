import { byId, make, setText, showItems } from './dom.js';

/** ms without a word from the process after which nothing is known any more. */
const FRESH_FOR = 3_000;

/**
 * The verdict to show: what the server said, or that nothing is known because it says nothing.
 *
 * @param said { verdict, time } of the last event; `time` is that of its reading, ISO 8601; undefined before the first
 * @param {number} age ms since that event
 */
export function verdictAt(said, age) {
  if (age <= FRESH_FOR) return said?.verdict;
  const reason = 'the process that serves this page does not answer';
  const head = { state: 'unknown', level: 'unknown' };
  if (!said) return { ...head, title: `Unknown: ${reason}`, notes: ['the group was never read'] };
  const { title, notes, state } = said.verdict;
  if (state === 'unknown') return { ...head, title, notes: [reason, ...notes] };
  return {
    ...head,
    title: `Unknown since ${said.time.slice(11, 19)}Z: ${reason}`,
    notes: [`at the last reading: ${title}`, ...notes],
  };
}

/** Shows how the group is: headline, notes, the title of the tab; figures are grey if nothing is known. */
export function showVerdict({ state, level, title, notes }, group) {
  document.title = `${title} – cgroup ${group}`;
  const { dataset } = byId('verdict');
  // Screen readers say what has changed; a headline that counts seconds would be said each second.
  if (dataset.state !== state) setText(byId('said'), title);
  dataset.level = level;
  dataset.state = state;
  document.body.classList.toggle('stale', state === 'unknown');
  setText(byId('verdict-title'), title);
  const rows = notes.map((note, at) => [String(at), note]);
  showItems(byId('verdict-notes'), rows, {
    key: ([at]) => at,
    create: () => make('li'),
    update: (element, [, note]) => setText(element, note),
  });
}
