/** Control characters, invisible ones, and lone surrogates: they could move the cursor or forge a line. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;

/** What most texts are: the other pattern takes Node some ms to make. */
const PLAIN = /^[\x20-\x7e]*$/;

/** A foreign text, safe to show on a terminal: characters that act there are escaped, as `\u001b`. */
export function printable(text: string): string {
  if (PLAIN.test(text)) return text;
  return text.replace(UNSAFE, (character) =>
    [...Array(character.length).keys()].map((i) => escapeUnit(character.charCodeAt(i))).join(''),
  );
}

/**
 * JSON that does nothing to a terminal: characters that JSON allows and a terminal acts upon are escaped, as `\\u009b`.
 *
 * @param indent blanks per level; without it all is one line
 */
export function printableJson(value: unknown, indent?: number): string {
  // The only line breaks in it are those between values.
  return JSON.stringify(value, null, indent).split('\n').map(printable).join('\n');
}

/** A foreign text, safe to show on a terminal, cut to `width` characters. */
export function shortened(text: string, width: number): string {
  // Cut first: it may be a megabyte. An escape may then be cut too.
  const safe = printable(text.slice(0, width + 1));
  return safe.length > width ? `${safe.slice(0, width - 1)}…` : safe;
}

function escapeUnit(unit: number): string {
  return `\\u${unit.toString(16).padStart(4, '0')}`;
}
