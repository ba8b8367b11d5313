import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';

/** Who may ask. All of it is decided here, and nothing is read or written. */

/** `name`, `name:80`, `[::1]:80`; the port does not matter. */
const HOST = /^(?:\[([\da-f:.]+)\]|([^:[\]/@\s]+))(?::\d{1,5})?$/i;

/**
 * Whether a request was meant for this server. A page of somebody else whose name was made to lead here (DNS
 * rebinding) still sends its own name, so only names that nobody else can have are heard: addresses, `localhost`
 * and what is ours.
 *
 * @param header the Host header
 * @param own names of this server: that of the machine, and the one that it listens on
 */
export function isOwnHost(header: string | undefined, own: readonly string[]): boolean {
  const [, address, name] = HOST.exec(header ?? '') ?? [];
  if (address !== undefined) return isIP(address) === 6;
  if (name === undefined) return false;
  const lower = name.toLowerCase();
  return isIP(lower) === 4 || lower === 'localhost' || own.some((one) => one.toLowerCase() === lower);
}

/**
 * Whether a request knows the token: as `Authorization: Bearer TOKEN`, or, since that is what a browser can ask
 * its user for, as the password of any user (`Basic`). It takes the same time wherever a wrong token differs.
 */
export function knowsToken(header: string | undefined, token: string): boolean {
  const given = tokenIn(header ?? '');
  return given !== undefined && timingSafeEqual(digest(given), digest(token));
}

function tokenIn(header: string): string | undefined {
  const [, scheme = '', rest = ''] = /^(\w+) +(\S+) *$/.exec(header) ?? [];
  if (scheme.toLowerCase() === 'bearer') return rest;
  if (scheme.toLowerCase() !== 'basic') return undefined;
  const pair = Buffer.from(rest, 'base64').toString('utf8');
  const colon = pair.indexOf(':');
  return colon < 0 ? undefined : pair.slice(colon + 1);
}

/** Of one length, whatever was given. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
