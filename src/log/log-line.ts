import { boundedFields } from './bounded.js';
import { printable, printableJson } from './printable.js';
import { MASK, maskUrls } from './redaction.js';

/** Names of fields whose values are secret. */
const SECRET = /pass(word|wd)?$|pwd$|secret$|token$|authorization$|api[-_]?key$|credentials?$/i;
/** Characters. A shorter password also occurs in ordinary text. */
const SHORTEST_SECRET = 4;

/** The password of a URL, as written and decoded: no line of the log may show it. */
export function secretsIn(url: string): string[] {
  if (!URL.canParse(url)) return [];
  const { password } = new URL(url);
  return [...new Set([password, decoded(password)])].filter((secret) => secret.length >= SHORTEST_SECRET);
}

/** A part of a URL without its percent signs; as it is if they are wrong. */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * A line of pino without secrets, cut to a limited length and depth. If `shown` (to people, not as JSON), characters
 * that could move the cursor or forge a line are escaped; a stack keeps its lines, indented.
 */
export function cleaned(fields: object, secrets: readonly string[], shown: boolean): object {
  const text = (own: string, name: string) => {
    if (SECRET.test(name)) return MASK;
    const safe = masked(own, secrets);
    if (!shown) return safe;
    return name === 'stack' ? safe.split('\n').map(printable).join('\n    ') : printable(safe);
  };
  const rules = { text, name: shown ? printable : (name: string) => name };
  // The message comes last: long fields must leave room for it.
  const { msg, ...rest } = fields as { msg?: unknown };
  const { copy } = boundedFields(rest, rules);
  return msg === undefined ? copy : { ...copy, ...boundedFields({ msg }, rules).copy };
}

function masked(text: string, secrets: readonly string[]): string {
  let left = text;
  for (const secret of secrets) left = left.replaceAll(secret, MASK);
  return maskUrls(left);
}

/** A line of JSON. */
export function jsonLine(fields: unknown): string {
  return `${printableJson(fields)}\n`;
}
