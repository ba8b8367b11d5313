const SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i;
/** The name of a parameter, up to its value. */
const PARAMETER = /[?&]([^?=&#]*)=/g;
const SECRET_NAME = /pass|pwd|secret|token|auth/i;
/** A user name and its colon. A text with `/`, `?` or `#` is not taken for a user name. */
const USER = /^[^:/?#]*:/;
/** Stands in place of a secret. */
export const MASK = '***';
/** The URLs in our own advice. */
const EXAMPLE = /^(?:redis(?:-sentinel)?:\/\/(?:user)?:password@host|ws:\/\/HOST:PORT)(?![\w.-])/;
/** Of a scheme, no more letters than this: else a long word without a URL would take seconds. */
const URLS = /[a-z][a-z0-9+.-]{0,30}:\/\/[^\s"'<>]+/gi;

/**
 * The URL with `***` in place of secrets: the password, a user name alone (most often a password without its colon),
 * and query parameters such as `?password=`.
 *
 * The text may not be a valid URL: if a password has a raw `@`, `/`, `?` or `#`, a parser takes its end for the host or
 * the path. So everything up to the last `@` counts as credentials: hiding too much is better than too little.
 */
export function maskUrl(url: string): string {
  const scheme = SCHEME.exec(url)?.[0] ?? '';
  const rest = url.slice(scheme.length);
  const end = rest.lastIndexOf('@');
  if (end < 0) return isUrl(url) ? maskParameters(url) : `${scheme}${MASK}`;
  const user = USER.exec(rest.slice(0, end))?.[0] ?? '';
  return maskParameters(`${scheme}${user}${MASK}${rest.slice(end)}`);
}

/** A text with every URL in it masked. */
export function maskUrls(text: string): string {
  if (!text.includes('://')) return text;
  return text.replace(URLS, (url) => {
    // A path may hold an @, as in the name of a package; a file has no password.
    if (/^file:/i.test(url) || EXAMPLE.test(url)) return url;
    if (url.includes('@')) return maskUrl(url);
    // Punctuation after a URL belongs to the sentence.
    const end = url.search(/(?<![),.;:])[),.;:]*$/);
    return maskUrl(url.slice(0, end)) + url.slice(end);
  });
}

/** A value ends at the next `&`. One expression for all of it would take seconds for a text of many `?`. */
function maskParameters(url: string): string {
  return url
    .split(/(?=&)/)
    .map((part) => {
      for (const { 0: start, 1: name = '', index } of part.matchAll(PARAMETER))
        if (SECRET_NAME.test(name)) return part.slice(0, index + start.length) + MASK;
      return part;
    })
    .join('');
}

/** Whether it parses as a URL. `redis://user:secret` does not: it has no host. */
function isUrl(text: string): boolean {
  return SCHEME.test(text) && URL.canParse(text);
}
