import { printable } from './printable.js';
import { maskUrls } from './redaction.js';

/** Names of fields whose values are nobody's business. */
const SECRET = /pass(word|wd)?$|pwd$|secret$|token$|authorization$|api[-_]?key$|credentials?$/i;
const MASK = '***';
/** Characters of a text in a line; an error may quote a message of megabytes. */
const LONGEST = 10_000;
/** A shorter password would be found everywhere. */
const SHORTEST_SECRET = 4;

/** What a line of the log must not show, beside passwords in URLs. */
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
 * The fields of a line as they may be shown: no secrets, no text without end, and for people (`shown`) no character
 * that could move the cursor or forge a line. Where a stack goes on in other lines, these are indented.
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

/** A line in JSON: what JSON lets stand, and a terminal would act upon, is written as `\u009b` too. */
export function jsonLine(fields: unknown): string {
  return `${printable(JSON.stringify(fields))}\n`;
}
