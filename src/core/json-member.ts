/** What may follow a string: a colon makes it a name. */
const COLON = /\s*:/y;

/**
 * The text of a member of a JSON object, as it is written; of two with this name, the last. Undefined if there is none. It
 * only skips what stands beside it: a parser that keeps all numbers as they are written takes a second for 8 MB.
 *
 * @param text valid JSON
 */
export function memberText(text: string, name: string): string | undefined {
  let member: string | undefined;
  let depth = 0;
  /** Where the value of the member begins; -1 outside of it. */
  let start = -1;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (depth === 1 && start >= 0 && (character === ',' || character === '}')) {
      member = text.slice(start, at).trim();
      start = -1;
    }
    if (character === '{' || character === '[') depth++;
    else if (character === '}' || character === ']') depth--;
    else if (character === '"') {
      const end = endOfString(text, at);
      COLON.lastIndex = end;
      if (depth === 1 && start < 0 && COLON.test(text) && JSON.parse(text.slice(at, end)) === name)
        start = COLON.lastIndex;
      at = end - 1;
    }
  }
  return member;
}

/** @returns the index after the quote that ends the string */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    let backslash = end;
    while (text[backslash - 1] === '\\') backslash--;
    if ((end - backslash) % 2 === 0) return end + 1;
  }
}
