const SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i;
const SECRET_PARAMETER = /([?&][^=&#]*(?:pass|pwd|secret|token|auth)[^=&#]*=)[^&]*/gi;
/** A user name and its colon; with `/`, `?` or `#` in it, it is no user name but who knows what. */
const USER = /^[^:/?#]*:/;
/** What stands in place of a secret. */
export const MASK = '***';
const URLS = /[a-z][a-z0-9+.-]*:\/\/[^\s"'<>]+/gi;

/**
 * The URL with `***` where a secret stands: the password, a lone user name (which is most often a
 * password whose colon was forgotten), and query parameters such as `?password=`.
 *
 * Made for text that may not even be a URL: a password with a raw `@`, `/`, `?` or `#` makes a parser
 * see its end as the host or the path. So everything up to the last `@` is taken for the credentials;
 * it rather hides too much than too little.
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
  return text.replace(URLS, (url) => {
    if (url.includes('@')) return maskUrl(url);
    // What follows a URL in a sentence is not part of it.
    const end = url.search(/[),.;:]*$/);
    return maskUrl(url.slice(0, end)) + url.slice(end);
  });
}

function maskParameters(url: string): string {
  return url.replace(SECRET_PARAMETER, `$1${MASK}`);
}

/** Whether it can be read as a URL at all. `redis://user:secret`, whose host is missing, cannot. */
function isUrl(text: string): boolean {
  return SCHEME.test(text) && URL.canParse(text);
}
