import { CgroupError } from '../core/errors.js';
import type { Finding } from '../core/finding.js';
import { groupLogger, type Logger, silentLogger } from '../log/logger.js';
import { readFacts } from '../redis/facts.js';
import { keysOf } from '../redis/keys.js';
import { Connection } from '../redis/protocol/connection.js';
import { refusedOf } from '../redis/rights.js';
import type { ServerFacts } from '../redis/server.js';
import { parseSettings } from '../settings/schema.js';
import type { SettingsInput } from '../settings/settings.js';
import { AclLine } from './acl-line.js';
import { connectionOf } from './connection-check.js';
import { diagnose } from './diagnose.js';

/** ms to wait for Redis. */
const CONNECT_TIMEOUT = 5_000;

export interface Report {
  readonly findings: readonly Finding[];
  /**
   * The command that makes a Redis user who may do what cgroup does, and nothing else. `PASSWORD` is to be replaced; the
   * password that a user has already changes nothing.
   */
  readonly acl: string;
  /** How that user outlives a restart of Redis. */
  readonly aclLasts: string;
  /** Whether nothing has to be mended. */
  readonly ok: boolean;
}

/**
 * Looks at a Redis and at a group on it, running or not, and says what is wrong. Takes about a second; nothing is
 * changed. A Redis that does not answer (within 5 s), or lets the user not in, is what is wrong.
 *
 * @throws {CgroupError} SETTINGS
 */
export async function examine(options: SettingsInput & { readonly logger?: Logger }): Promise<Report> {
  const { logger = silentLogger, ...input } = options;
  const settings = parseSettings(input);
  const log = groupLogger(logger, settings);
  const make = () => new Connection(settings.redis, 'doctor', log);
  const connections = { connection: make(), listener: make(), trial: make() };
  const { connection } = connections;
  const acl = new AclLine(settings);
  try {
    await Promise.all(Object.values(connections).map((one) => one.connect(CONNECT_TIMEOUT)));
    const { claimAfter } = settings;
    const facts = await readFacts({
      keys: keysOf(settings),
      names: settings,
      claimAfter,
      ...connections,
    });
    const findings = diagnose(facts, settings, acl.grant(facts.server));
    return reportOf(await markRefused(connection, findings), acl, facts.server);
  } catch (error) {
    const finding = error instanceof CgroupError ? connectionOf(error, acl) : undefined;
    if (!finding) throw error;
    return reportOf([finding], acl, undefined);
  } finally {
    for (const one of Object.values(connections)) one.close();
  }
}

function reportOf(findings: readonly Finding[], acl: AclLine, server: ServerFacts | undefined): Report {
  return {
    findings,
    acl: acl.line,
    aclLasts: acl.lasts(server),
    ok: findings.every(({ status }) => status !== 'mend'),
  };
}

/** Says of each command for redis-cli whether the user may use it: else somebody else has to. */
async function markRefused(connection: Connection, findings: readonly Finding[]): Promise<Finding[]> {
  const fixes = findings.flatMap((finding) => finding.fixes ?? []).filter(({ at }) => at === 'redis');
  const words = fixes.map((fix) => fix.words);
  const refused = new Set(await refusedOf(connection, words));
  return findings.map((finding) =>
    finding.fixes
      ? { ...finding, fixes: finding.fixes.map((fix) => ({ ...fix, refused: refused.has(fix.words) })) }
      : finding,
  );
}
