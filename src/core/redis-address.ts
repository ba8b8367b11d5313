import { CgroupError } from './errors.js';

/** Where a Redis is and who uses it. All that a URL of Redis can say. */
export interface RedisAddress {
  /** A name or an address; an IPv6 address without its brackets. */
  readonly host: string;
  readonly port: number;
  /** '' for the default user. */
  readonly user: string;
  /** '' for none. */
  readonly password: string;
  /** The number of the database. */
  readonly db: number;
  readonly tls: boolean;
  /** Which addresses of a name are used: IPv4, IPv6, or 0 for any. */
  readonly family: 0 | 4 | 6;
}

const DEFAULT_PORT = 6379;
const SCHEMES: Readonly<Record<string, boolean>> = { 'redis:': false, 'rediss:': true };
/** A name, an IPv4 address, or an IPv6 address in brackets. */
const HOST = /^(?:[\w.-]+|\[([\da-f:.]+)\])$/i;
const PATH = /^\/?(\d{1,9})?$/;
const FAMILIES = [0, 4, 6] as const;
const PARAMETERS: readonly string[] = ['db', 'family'];

/** What a URL of Redis looks like, for messages. */
export const REDIS_URL_RULE =
  'must be a URL such as redis://user:password@host:6379/0 (rediss:// for TLS), ' +
  'special characters in it percent-encoded';

/**
 * Reads a URL of Redis. Nothing else does: two readers that differ would use two databases.
 *
 * @throws {CgroupError} SETTINGS: what the URL must be or must not have. It never quotes a part that may be a password.
 */
export function parseRedisUrl(text: string): RedisAddress {
  const url = parsed(text.trim());
  const tls = SCHEMES[url.protocol];
  const host = HOST.exec(url.hostname);
  const path = PATH.exec(url.pathname);
  if (tls === undefined || host === null || path === null || url.hash !== '') throw wrong(REDIS_URL_RULE);
  if (url.port === '0') throw wrong('must have a port from 1 to 65535');
  const { db, family } = parametersOf(url);
  if (path[1] !== undefined && db !== undefined && Number(path[1]) !== db)
    throw wrong(`must name one database: /${path[1]} and db=${db} are two`);
  return {
    host: host[1] ?? host[0],
    port: Number(url.port || DEFAULT_PORT),
    user: decoded(url.username),
    password: decoded(url.password),
    db: db ?? Number(path[1] ?? 0),
    tls,
    family,
  };
}

/** As it is written in a URL: an IPv6 address in brackets. */
export function hostAndPort({ host, port }: { readonly host: string; readonly port: number }): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function parsed(text: string): URL {
  const quoted = /^(["'`]).*\1$/s.test(text) ? ', without quotes around it' : '';
  // A parser of URLs drops line ends and tabs. After a raw / ? or # it takes the rest of a password for something else.
  const unclear = /[\s\p{Cc}]/u.test(text) || /[/?#].*@/.test(text.replace(/^\w+:\/\//, ''));
  if (quoted !== '' || unclear || !URL.canParse(text)) throw wrong(REDIS_URL_RULE + quoted);
  return new URL(text);
}

function parametersOf({ searchParams }: URL): { readonly db?: number; readonly family: 0 | 4 | 6 } {
  for (const name of searchParams.keys()) {
    // Only what looks like a name is shown.
    const shown = /^[a-z_]\w{0,39}$/i.test(name) ? `the parameter ${name}` : 'such a parameter';
    if (!PARAMETERS.includes(name))
      throw wrong(
        `must not have ${shown}: there are db and family; TLS is rediss://, a user and a password stand before the host`,
      );
    if (searchParams.getAll(name).length > 1) throw wrong(`must have ${shown} once`);
  }
  const db = searchParams.get('db') ?? undefined;
  if (db !== undefined && !/^\d{1,9}$/.test(db)) throw wrong('must have the number of a database after db=');
  const wanted = searchParams.get('family') ?? '0';
  const family = FAMILIES.find((one) => String(one) === wanted);
  if (family === undefined) throw wrong('must have 4, 6 or 0 (any) after family=');
  return { ...(db === undefined ? {} : { db: Number(db) }), family };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw wrong(REDIS_URL_RULE); // a stray %
  }
}

function wrong(rule: string): CgroupError {
  return new CgroupError('SETTINGS', rule);
}
