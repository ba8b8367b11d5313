import { printable } from './printable.js';
import { MASK, maskUrls } from './redaction.js';

/** Names of fields whose values are secret. */
const SECRET = /pass(word|wd)?$|pwd$|secret$|token$|authorization$|api[-_]?key$|credentials?$/i;
/** Characters of a text in a line: an error may quote a message of megabytes. */
const LONGEST = 10_000;
/** Characters. A shorter password also occurs in ordinary text. */
const SHORTEST_SECRET = 4;

/** The password of a URL, as written and decoded: no line of the log may show it. */
export function secretsIn(url: string): string[] {
  if (!URL.canParse(url)) return [];
  const { password } = new URL(url);
  return [...new Set([password, decoded(password)])].filter((secret) => secret.length >= SHORTEST_SECRET);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * The fields of a line without secrets, with long texts cut. If `shown` (to people, not as JSON), characters that could
 * move the cursor or forge a line are escaped; a stack keeps its lines, indented.
 */
export function cleaned(value: unknown, secrets: readonly string[], shown: boolean, name = ''): unknown {
  if (typeof value === 'string') {
    if (SECRET.test(name)) return MASK;
    const text = masked(value, secrets);
    if (!shown) return text;
    return name === 'stack' ? text.split('\n').map(printable).join('\n    ') : printable(text);
  }
  if (Array.isArray(value)) return value.map((one) => cleaned(one, secrets, shown, name));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      shown ? printable(key) : key,
      cleaned(inner, secrets, shown, key),
    ]),
  );
}

function masked(text: string, secrets: readonly string[]): string {
  let left = text.length > LONGEST ? `${text.slice(0, LONGEST)}… (${text.length} characters)` : text;
  for (const secret of secrets) left = left.replaceAll(secret, MASK);
  return maskUrls(left);
}

/** A line of JSON. Characters that JSON allows and a terminal acts upon are escaped too: `\u009b`. */
export function jsonLine(fields: unknown): string {
  return `${printable(JSON.stringify(fields))}\n`;
}
