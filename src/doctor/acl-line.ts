import { type Fix, redis, redisLine } from '../core/finding.js';
import { keysOf } from '../redis/keys.js';
import { aclRules } from '../redis/rights.js';
import type { ServerFacts } from '../redis/server.js';
import type { Settings } from '../settings/settings.js';

/** Stands for the password, which nobody is to read from a screen. */
const NEW = ['on', '>PASSWORD'];

type Persistence = Pick<ServerFacts, 'aclFile' | 'configFile'>;

/** A Redis user who may do what cgroup does, and nothing else: in words of Redis. */
export class AclLine {
  readonly #rules: readonly string[];
  /** The user of the URL; in place of the default user, which is everybody's, there is to be one of its own. */
  readonly #user: string;
  /** Whether the URL names the user. */
  readonly #isNamed: boolean;

  constructor(settings: Settings) {
    this.#rules = aclRules(keysOf(settings), settings);
    const user = userIn(settings.redis);
    this.#isNamed = user !== undefined;
    this.#user = user ?? 'cgroup';
  }

  /** Right for a user who is not there yet, and for one who is. */
  get words(): string[] {
    return ['ACL', 'SETUSER', this.#user, ...NEW, ...this.#rules];
  }

  get line(): string {
    return redisLine(this.words);
  }

  /** The commands that give the rights to the user who is connected, who keeps the password, for good where that is known. */
  grant(server: Persistence | undefined): Fix[] {
    const now = this.#isNamed ? redis('ACL', 'SETUSER', this.#user, ...this.#rules) : redis(...this.words);
    if (server?.aclFile) return [now, redis('ACL', 'SAVE')];
    return server?.aclFile === '' && server.configFile !== '' ? [now, redis('CONFIG', 'REWRITE')] : [now];
  }

  /** How the user outlives a restart of Redis. */
  lasts(server: Persistence | undefined): string {
    const forgets = 'a restart of Redis forgets this user';
    const line = `the line "user ${this.#user} ${NEW.join(' ')} …", with the same rules,`;
    if (server?.aclFile === undefined)
      return `${forgets}, unless it is saved: by ACL SAVE where Redis has an aclfile, else by CONFIG REWRITE, or by ${line} in its configuration`;
    if (server.aclFile) return `${forgets}, unless it is saved by ACL SAVE`;
    if (server.configFile)
      return `${forgets}, unless it is saved by CONFIG REWRITE, or by ${line} in ${server.configFile}`;
    return `${forgets}, unless ${line} is in the configuration that Redis is started with`;
  }
}

/** The user that a URL names; undefined for the default one. Without a password nobody logs in. */
export function userIn(url: string): string | undefined {
  const { username, password } = new URL(url);
  const user = decodeURIComponent(username);
  return user === '' || user === 'default' || password === '' ? undefined : user;
}
