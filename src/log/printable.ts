/** Control characters, invisible ones, and halves of characters: they could move the cursor or forge a line. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;

/** A text from elsewhere, safe to show on a terminal: what could do anything there is written as `\u001b`. */
export function printable(text: string): string {
  return text.replace(UNSAFE, (character) =>
    [...Array(character.length).keys()].map((i) => escapeUnit(character.charCodeAt(i))).join(''),
  );
}

/** The same, cut to a width. */
export function shortened(text: string, width: number): string {
  // Cut first, for it may be a megabyte; an escape may then be cut too.
  const safe = printable(text.slice(0, width + 1));
  return safe.length > width ? `${safe.slice(0, width - 1)}…` : safe;
}

function escapeUnit(unit: number): string {
  return `\\u${unit.toString(16).padStart(4, '0')}`;
}
