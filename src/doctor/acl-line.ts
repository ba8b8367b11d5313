import { type Fix, redis, redisLine } from '../core/finding.js';
import { parseRedisUrl } from '../core/redis-address.js';
import { type Source, sourceOf } from '../core/source.js';
import { keysOf } from '../redis/keys.js';
import { aclRules, literal, type RightsNames } from '../redis/rights.js';
import type { ServerFacts } from '../redis/server.js';
import type { Settings } from '../settings/settings.js';

/** Words that a user needs to log in; PASSWORD stands for the password, which must not appear on a screen. */
const NEW = ['on', '>PASSWORD'];

type Persistence = Pick<ServerFacts, 'aclFile' | 'configFile'>;

/** The ACL rule of a Redis user who has the rights that cgroup needs, and no others. */
export class AclLine {
  readonly #rules: readonly string[];
  readonly #source: Source;
  /** The user of the URL; `cgroup` in place of the default user, which others share. */
  readonly #user: string;
  /** Whether the URL names the user. */
  readonly #isNamed: boolean;
  /** Whether the Redis is a Cluster. */
  readonly isCluster: boolean;

  /** @param settings with `cluster` if Redis is one */
  constructor(settings: Settings & Pick<RightsNames, 'cluster'>) {
    this.#rules = aclRules(keysOf(settings), settings);
    this.#source = sourceOf(settings);
    this.isCluster = settings.cluster ?? false;
    const user = userIn(settings.redis);
    this.#isNamed = user !== undefined;
    this.#user = user ?? 'cgroup';
  }

  /** The whole command. It creates the user, or changes an existing one. */
  get words(): string[] {
    return ['ACL', 'SETUSER', this.#user, ...NEW, ...this.#rules];
  }

  get line(): string {
    return redisLine(this.words);
  }

  /** The command that creates a user who may publish messages and do nothing else: it cannot reach the keys of the group. */
  get publisherLine(): string {
    const name = literal(this.#source.name);
    const publish = this.#source.kind === 'channel' && this.#source.sharded ? '+spublish' : '+publish';
    const rules = {
      channel: ['resetkeys', 'resetchannels', `&${name}`, '-@all', publish, '+ping'],
      list: ['resetkeys', `~${name}`, 'resetchannels', '-@all', '+lpush', '+rpush', '+llen', '+ping'],
      stream: ['resetkeys', `~${name}`, 'resetchannels', '-@all', '+xadd', '+xlen', '+ping'],
    }[this.#source.kind];
    return redisLine(['ACL', 'SETUSER', 'publisher', ...NEW, ...rules]);
  }

  /**
   * The commands that give the rights to the connected user, who keeps the password. If the place is known, they save
   * the user there too.
   */
  grant(server: Persistence | undefined): Fix[] {
    const now = this.#isNamed ? redis('ACL', 'SETUSER', this.#user, ...this.#rules) : redis(...this.words);
    if (server?.aclFile) return [now, redis('ACL', 'SAVE')];
    return server?.aclFile === '' && server.configFile !== '' ? [now, redis('CONFIG', 'REWRITE')] : [now];
  }

  /** How the user survives a restart of Redis: a sentence without its full stop. */
  lasts(server: Persistence | undefined): string {
    const forgets = 'a restart of Redis forgets this user';
    const line = `the line "user ${this.#user} ${NEW.join(' ')} …", with the same rules,`;
    if (server?.aclFile === undefined)
      return `${forgets}, unless it is saved: by ACL SAVE if Redis has an aclfile, else by CONFIG REWRITE, or by ${line} in its configuration`;
    if (server.aclFile) return `${forgets}, unless it is saved by ACL SAVE`;
    if (server.configFile)
      return `${forgets}, unless it is saved by CONFIG REWRITE, or by ${line} in ${server.configFile}`;
    return `${forgets}, unless ${line} is in the configuration that Redis is started with`;
  }
}

/** The user that a URL names; undefined for the default one. Without a password there is no login. */
export function userIn(url: string): string | undefined {
  const { user, password } = parseRedisUrl(url);
  return user === '' || user === 'default' || password === '' ? undefined : user;
}
