import { CgroupError } from './errors.js';

/** A host and a port where a server listens. */
export interface HostPort {
  /** A name or an address; an IPv6 address without its brackets. */
  readonly host: string;
  readonly port: number;
}

/** Sentinels, which know where a master is. */
export interface SentinelAddress {
  /** The name under which they watch the master. */
  readonly master: string;
  /** The user who asks them, '' for the user and password of Redis itself. */
  readonly user: string;
  readonly password: string;
}

/** Where a Redis is and who uses it. All that a URL of Redis can say. The host is the first one of the URL. */
export interface RedisAddress extends HostPort {
  /** '' for the default user. */
  readonly user: string;
  /** '' for none. */
  readonly password: string;
  /** The number of the database. */
  readonly db: number;
  readonly tls: boolean;
  /** Which addresses of a name are used: IPv4, IPv6, or 0 for any. */
  readonly family: 0 | 4 | 6;
  /** All servers of the URL: the Sentinels, or several nodes of a Cluster. Undefined for one server. */
  readonly nodes?: readonly HostPort[];
  /** Undefined if the servers are Redis itself. */
  readonly sentinel?: SentinelAddress;
}

const REDIS_PORT = 6379;
const SENTINEL_PORT = 26_379;

interface Scheme {
  readonly tls: boolean;
  /** Whether the hosts are Sentinels. */
  readonly sentinel: boolean;
}

const SCHEMES: Readonly<Record<string, Scheme>> = {
  redis: { tls: false, sentinel: false },
  rediss: { tls: true, sentinel: false },
  'redis-sentinel': { tls: false, sentinel: true },
  'rediss-sentinel': { tls: true, sentinel: true },
};
/** What others write for these schemes. */
const OTHER_SCHEMES: Readonly<Record<string, string>> = {
  'redis+sentinel': 'redis-sentinel',
  'rediss+sentinel': 'rediss-sentinel',
  sentinel: 'redis-sentinel',
};
/** The scheme, user and password, the hosts with commas between them, and the rest. */
const PARTS = /^([a-z+-]+):\/\/((?:[^/?#]*@)?)([^/?#@]*)(.*)$/is;
/** A name, an IPv4 address, or an IPv6 address in brackets. */
const HOST = /^(?:[\w.-]+|\[([\da-f:.]+)\])$/i;
const PATH = /^\/?(\d{1,9})?$/;
const FAMILIES = [0, 4, 6] as const;
const PARAMETERS: readonly string[] = ['db', 'family'];
const SENTINEL_PARAMETERS: readonly string[] = [...PARAMETERS, 'sentinelUser', 'sentinelPassword'];

/** What a URL of Redis looks like, for messages. */
export const REDIS_URL_RULE =
  'must be a URL such as redis://user:password@host:6379/0 (rediss:// for TLS), ' +
  'special characters in it percent-encoded';
/** How the characters are written at which a URL would end too early. */
const ENCODED = ': in a password a / is written %2F, a ? %3F, a # %23, a % %25';
/** A second URL behind a comma. */
const NEXT_URL = /,\s*[\w+-]+:\/\//;
const ONE_URL_RULE =
  'must be one URL, with its scheme once: redis-sentinel://host-a,host-b/0#mymaster for Sentinels; for a Cluster one node is ' +
  'enough, redis://host-a, or several, redis://host-a,host-b';
const SENTINEL_URL_RULE =
  'must be a URL such as redis-sentinel://user:password@host:26379,host:26379/0#mymaster (rediss-sentinel:// for TLS), ' +
  'special characters in it percent-encoded';

/**
 * Reads a URL of Redis. Nothing else does: two readers that differ would use two databases.
 *
 * @throws {CgroupError} SETTINGS: what the URL must be or must not have. It never quotes a part that may be a password.
 */
export function parseRedisUrl(text: string): RedisAddress {
  const { scheme, servers, url } = parsed(text.trim());
  const path = PATH.exec(url.pathname);
  if (path === null) throw wrong(ruleOf(scheme));
  if (url.hash !== '' && !scheme.sentinel) throw wrong(REDIS_URL_RULE);
  const { db, family, sentinelUser, sentinelPassword } = parametersOf(url, scheme.sentinel);
  if (path[1] !== undefined && db !== undefined && Number(path[1]) !== db)
    throw wrong(`must name one database: /${path[1]} and db=${db} are two`);
  const address = {
    ...(servers[0] as HostPort),
    user: decoded(url.username),
    password: decoded(url.password),
    db: db ?? Number(path[1] ?? 0),
    tls: scheme.tls,
    family,
  };
  if (!scheme.sentinel) return servers.length === 1 ? address : { ...address, nodes: servers };
  const master = decoded(url.hash.slice(1));
  if (master.includes('?'))
    throw wrong(
      'must have its parameters before the name of the master: redis-sentinel://host:26379/0?sentinelPassword=…#mymaster',
    );
  if (!/^[\w.-]+$/.test(master))
    throw wrong('must end with the name of the master that the Sentinels watch, such as #mymaster');
  return {
    ...address,
    nodes: servers,
    sentinel: { master, user: sentinelUser ?? '', password: sentinelPassword ?? '' },
  };
}

/** As it is written in a URL: an IPv6 address in brackets. */
export function hostAndPort({ host, port }: HostPort): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** The parts of a URL, which is given back with its first host alone: no parser of URLs knows several. */
function parsed(text: string) {
  const quoted = /^(["'`]).*\1$/s.test(text) ? ', without quotes around it' : '';
  const [, name = '', credentials = '', hosts = '', rest = ''] = PARTS.exec(text) ?? [];
  const key = name.toLowerCase();
  if (Object.hasOwn(OTHER_SCHEMES, key))
    throw wrong(`must begin with ${OTHER_SCHEMES[key]}://, not ${key}://`);
  const scheme = Object.hasOwn(SCHEMES, key) ? SCHEMES[key] : undefined;
  const rule = scheme ? ruleOf(scheme) : REDIS_URL_RULE;
  if (NEXT_URL.test(text)) throw wrong(ONE_URL_RULE);
  // After a raw / ? or # a parser of URLs takes the rest of a password for something else.
  if (/[/?#].*@/.test(text.replace(/^[\w-]+:\/\//, ''))) throw wrong(rule + ENCODED + quoted);
  // It drops line ends and tabs.
  if (quoted !== '' || /[\s\p{Cc}]/u.test(text) || scheme === undefined) throw wrong(rule + quoted);
  const servers = hosts.split(',').map((host) => serverOf(host, scheme));
  const first = `redis://${credentials}${hosts.split(',')[0]}${rest}`;
  if (!URL.canParse(first)) throw wrong(ruleOf(scheme));
  return { scheme, servers, url: new URL(first) };
}

function serverOf(text: string, scheme: Scheme): HostPort {
  const whole = `redis://${text}`;
  const url = URL.canParse(whole) ? new URL(whole) : undefined;
  const host = HOST.exec(url?.hostname ?? '');
  if (!url || host === null) throw wrong(ruleOf(scheme));
  if (url.port === '0') throw wrong('must have a port from 1 to 65535');
  return {
    host: host[1] ?? host[0],
    port: Number(url.port || (scheme.sentinel ? SENTINEL_PORT : REDIS_PORT)),
  };
}

interface Parameters {
  readonly db?: number;
  readonly family: 0 | 4 | 6;
  readonly sentinelUser?: string;
  readonly sentinelPassword?: string;
}

function parametersOf({ search }: URL, sentinel: boolean): Parameters {
  // In a form a + is a blank; in a password it is a +.
  const searchParams = new URLSearchParams(search.replaceAll('+', '%2B'));
  const known = sentinel ? SENTINEL_PARAMETERS : PARAMETERS;
  for (const name of searchParams.keys()) {
    // Only what looks like a name is shown.
    const shown = /^[a-z_]\w{0,39}$/i.test(name) ? `the parameter ${name}` : 'such a parameter';
    if (!known.includes(name))
      throw wrong(
        `must not have ${shown}: there are ${known.slice(0, -1).join(', ')} and ${known.at(-1)}; TLS is rediss://, a user and ` +
          'a password stand before the host',
      );
    if (searchParams.getAll(name).length > 1) throw wrong(`must have ${shown} once`);
  }
  const db = searchParams.get('db') ?? undefined;
  if (db !== undefined && !/^\d{1,9}$/.test(db)) throw wrong('must have the number of a database after db=');
  const wanted = searchParams.get('family') ?? '0';
  const family = FAMILIES.find((one) => String(one) === wanted);
  if (family === undefined) throw wrong('must have 4, 6 or 0 (any) after family=');
  const [sentinelUser, sentinelPassword] = [
    searchParams.get('sentinelUser'),
    searchParams.get('sentinelPassword'),
  ];
  return {
    ...(db !== undefined && { db: Number(db) }),
    family,
    ...(sentinelUser !== null && { sentinelUser }),
    ...(sentinelPassword !== null && { sentinelPassword }),
  };
}

function ruleOf({ sentinel }: Scheme): string {
  return sentinel ? SENTINEL_URL_RULE : REDIS_URL_RULE;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw wrong(REDIS_URL_RULE + ENCODED); // a stray %
  }
}

function wrong(rule: string): CgroupError {
  return new CgroupError('SETTINGS', rule);
}
