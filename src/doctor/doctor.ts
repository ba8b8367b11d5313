import { CgroupError } from '../core/errors.js';
import { type Finding, redis } from '../core/finding.js';
import type { HostPort } from '../core/redis-address.js';
import { groupLogger, type Logger, silentLogger } from '../log/logger.js';
import { examineRecord } from '../record/examine.js';
import { readFacts } from '../redis/doctor-facts.js';
import { hashesOf, keysOf } from '../redis/keys.js';
import { refusedOf } from '../redis/missing-rights.js';
import { lanesIn, openLanes } from '../redis/open-lanes.js';
import { Connections } from '../redis/protocol/connections.js';
import { refusedAs } from '../redis/protocol/failure.js';
import { openRegistry } from '../redis/registry.js';
import type { ServerFacts } from '../redis/server.js';
import { parseSettings } from '../settings/parse.js';
import type { Settings, SettingsInput } from '../settings/settings.js';
import { AclLine } from './acl-line.js';
import { diagnose } from './diagnose.js';
import { startedWithLanes } from './lane-checks.js';

export interface Report {
  readonly findings: readonly Finding[];
  /**
   * The command that creates a Redis user with the rights that cgroup needs, and no others. Replace `PASSWORD`: for
   * an existing user, its own password changes nothing.
   */
  readonly acl: string;
  /** The command that creates a Redis user who may publish messages, and nothing else. */
  readonly publisherAcl: string;
  /** How these users survive a restart of Redis. */
  readonly aclLasts: string;
  /** The server that was looked at; undefined if there was no connection. */
  readonly at: (HostPort & { readonly isCluster: boolean }) | undefined;
  /** The user or the password is wrong: what rights a user needs does not help. */
  readonly loginFails?: boolean;
  /** No finding says `mend`. */
  readonly ok: boolean;
}

/**
 * Checks a Redis and a group on it, running or not. Takes about a second and changes nothing. A Redis that does not
 * answer within 5 s, or refuses the user or the database, is a finding too.
 *
 * @throws {CgroupError} SETTINGS
 */
export async function examine(options: SettingsInput & { readonly logger?: Logger }): Promise<Report> {
  const { logger = silentLogger, ...input } = options;
  const settings = parseSettings(input);
  const log = groupLogger(logger, settings);
  const keys = keysOf(settings);
  const connections = new Connections(() => settings, log, { oneShot: true });
  const open = (key?: string) => connections.open('doctor', key);
  const key = settings.sharded ? settings.channel : undefined;
  let acl = new AclLine(settings);
  try {
    const [connection, listener, trial] = await Promise.all([open(), open(key), open(key)]);
    const atChannel = key === undefined ? connection : await open(key);
    const registry = await openRegistry(connections, connection, keys);
    const cluster = connection.place.isCluster;
    const names = { ...settings, cluster, lanes: await lanesIn(connection, keys, settings.lanes) };
    acl = new AclLine(names);
    const { at } = connection;
    const { claimAfter } = settings;
    const lanes = await openLanes(connections, 'doctor', names);
    const connectionTo = async (name: string) => (connection.place.isCluster ? open(name) : connection);
    const opened = { connection, registry, atChannel, lanes, listener, trial, connectionTo };
    const facts = await readFacts({ keys, names, claimAfter, ...opened });
    const findings = startedWithLanes(diagnose(facts, settings, acl.grant(facts.server)), lanes.length);
    const record = await examineRecord(settings, hashesOf(keys), log);
    return reportOf(
      [
        ...(await markRefused({ connection, registry, atChannel, keys, lanes }, settings, findings)),
        ...record,
      ],
      acl,
      facts.server,
      at,
    );
  } catch (error) {
    // Nodes that refuse to say where the slots are do so for want of a right: the line has it. How many lanes there are is not
    // known: a line with the keys of lanes takes no right away.
    const lanes = connections.isCluster ? Math.max(settings.lanes, 2) : settings.lanes;
    acl = new AclLine({ ...settings, cluster: connections.isCluster, lanes });
    const finding = error instanceof CgroupError ? connectionOf(error, acl) : undefined;
    if (!finding) throw error;
    return { ...reportOf([finding], acl, undefined), loginFails: refusedAs(error, 'WRONGPASS', 'NOAUTH') };
  } finally {
    connections.close();
  }
}

const NOTHING_ELSE = 'nothing else can be checked';

/** The finding for a Redis that does not answer, or refuses; undefined for any other error. */
function connectionOf(error: CgroupError, acl: AclLine): Finding | undefined {
  const found = { check: 'connection', status: 'mend', what: error.message } as const;
  switch (error.code) {
    case 'REDIS_UNREACHABLE':
    case 'OUTCOME_UNKNOWN':
      return {
        ...found,
        why: 'without Redis nothing is relayed or processed, and nothing else can be checked',
        fixes: [redis('PING')],
      };
    case 'REDIS_AUTH':
      return {
        ...found,
        why: NOTHING_ELSE,
        fixes: refusedAs(error, 'NOPERM') ? [{ ...redis(...acl.words), refused: true }] : [],
      };
    // Such as a database that there is not.
    case 'REDIS_REFUSED':
      return refusedAs(error, 'CLUSTERDOWN') ? CLUSTER_DOWN : { ...found, why: NOTHING_ELSE };
    default:
      return undefined;
  }
}

const CLUSTER_DOWN: Finding = {
  check: 'connection',
  status: 'mend',
  what: 'the Cluster is down: it refuses all commands',
  why:
    'a node that has slots is away, and no replica has taken over: start it, or give its slots to others. ' +
    'Nothing is relayed or processed meanwhile, and nothing else can be checked',
  fixes: [redis('CLUSTER', 'INFO'), redis('CLUSTER', 'NODES')],
};

function reportOf(
  findings: readonly Finding[],
  acl: AclLine,
  server: ServerFacts | undefined,
  at?: HostPort,
): Report {
  return {
    findings,
    acl: acl.line,
    publisherAcl: acl.publisherLine,
    aclLasts: acl.lasts(server),
    at: at && { ...at, isCluster: acl.isCluster },
    ok: findings.every(({ status }) => status !== 'mend'),
  };
}

/** Marks the redis-cli commands that the user may not use: another user has to type them. */
async function markRefused(
  places: Parameters<typeof refusedOf>[0],
  settings: Settings,
  findings: readonly Finding[],
): Promise<Finding[]> {
  const fixes = findings.flatMap((finding) => finding.fixes ?? []).filter(({ at }) => at === 'redis');
  const commands = fixes.map(({ words }) => words);
  const refused = new Set(await refusedOf(places, settings, commands));
  return findings.map((finding) =>
    finding.fixes
      ? { ...finding, fixes: finding.fixes.map((fix) => ({ ...fix, refused: refused.has(fix.words) })) }
      : finding,
  );
}
