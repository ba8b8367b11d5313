import { groupLogger, type Logger, silentLogger } from '../logger.js';
import { Connection } from '../redis/connection.js';
import { readFacts } from '../redis/facts.js';
import { keysOf } from '../redis/keys.js';
import { aclRules } from '../redis/rights.js';
import { parseSettings, type SettingsInput } from '../settings.js';
import { diagnose } from './diagnose.js';
import { type Finding, redisLine } from './finding.js';

/** ms to wait for Redis. */
const CONNECT_TIMEOUT = 5_000;

export interface Examination {
  readonly findings: readonly Finding[];
  /** The command that makes a Redis user who may do what cgroup does, and nothing else; `PASSWORD`, where it is there, is to be replaced. */
  readonly acl: string;
  /** Whether nothing has to be mended. */
  readonly ok: boolean;
}

/**
 * Looks at a Redis and at a group on it, running or not, and says what is wrong. Takes about a second; nothing is
 * changed.
 *
 * @throws {CgroupError} SETTINGS, REDIS_UNREACHABLE (after 5 s), REDIS_AUTH, OUTCOME_UNKNOWN
 */
export async function examine(options: SettingsInput & { readonly logger?: Logger }): Promise<Examination> {
  const { logger = silentLogger, ...input } = options;
  const settings = parseSettings(input);
  const log = groupLogger(logger, settings);
  const keys = keysOf(settings);
  const connection = new Connection(settings.redis, 'doctor', log);
  const listener = new Connection(settings.redis, 'doctor', log);
  try {
    await Promise.all([connection.connect(CONNECT_TIMEOUT), listener.connect(CONNECT_TIMEOUT)]);
    const facts = await readFacts({ keys, names: settings, connection, listener });
    const acl = ['ACL', 'SETUSER', ...userOf(settings.redis), ...aclRules(keys, settings)];
    const findings = diagnose(facts, settings, acl);
    return { findings, acl: redisLine(acl), ok: findings.every(({ status }) => status !== 'mend') };
  } finally {
    connection.close();
    listener.close();
  }
}

/** The user of the URL keeps its password; in place of the default user, which is everybody's, a new one is made. */
function userOf(url: string): string[] {
  const user = decodeURIComponent(new URL(url).username);
  return user === '' || user === 'default' ? ['cgroup', 'on', '>PASSWORD'] : [user];
}
