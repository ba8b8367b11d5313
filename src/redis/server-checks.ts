import { CgroupError } from '../core/errors.js';
import {
  ASK_ANOTHER,
  type CheckState,
  type Fix,
  megabytes,
  notChecked,
  redis,
  shell,
  unseen,
} from '../core/finding.js';
import { type SourceNames, sourceFlags, sourceOf, sourceText } from '../core/source.js';
import { bytesText, plural } from '../core/words.js';
import type { Owner } from './group-inspector.js';
import type { ServerFacts } from './server.js';

/** The part of the memory in use from which too little is left for a backlog. */
const NEARLY_FULL = 0.8;
/** Seconds for which a subscriber must be able to stall. */
const STALL = 2;

/**
 * What the checks of a server find, by their names.
 *
 * @param bytesPerSecond the rate of the channel; undefined if Redis refused SUBSCRIBE
 * @param minReplicas how many replicas the group waits for
 */
export function statesOfServer(
  server: ServerFacts,
  bytesPerSecond: number | undefined,
  minReplicas: number,
): Record<string, CheckState> {
  return {
    version: versionOf(server),
    role: roleOf(server),
    replicas: replicasOf(server, minReplicas),
    persistence: persistenceOf(server),
    eviction: evictionOf(server),
    memory: memoryOf(server),
    'output buffer': outputBufferOf(server.pubsubHardLimit, bytesPerSecond, server.configFile),
    'message size': messageSizeOf(server),
  };
}

/** Whether the server has what cgroup needs (XPENDING takes IDLE since Redis 6.2: https://redis.io/docs/latest/commands/xpending/). */
function versionOf({ version, release: [major, minor], cluster }: ServerFacts): CheckState {
  if (major < 6 || (major === 6 && minor < 2))
    return {
      status: 'mend',
      what: `${version} is too old: cgroup needs Redis 6.2 or newer, or Valkey`,
      why: 'older versions cannot hand over the messages of a consumer that died',
      fixes: [shell('apt-get', 'install', 'redis-server')],
    };
  return { status: 'ok', what: cluster ? `${version}, a node of a Cluster` : version };
}

/** @throws {CgroupError} REDIS_VERSION for a server without what cgroup needs */
export function refuseUnfit(server: ServerFacts): void {
  const { status, what } = versionOf(server);
  if (status === 'mend') throw new CgroupError('REDIS_VERSION', what);
}

/** @throws {CgroupError} REDIS_REFUSED for a replica */
export function refuseReplica({ masterAt }: Pick<ServerFacts, 'masterAt'>): void {
  if (masterAt === undefined) return;
  throw new CgroupError(
    'REDIS_REFUSED',
    `this Redis is a replica of ${masterAt} and takes no writes: name the master in --redis, or its Sentinels ` +
      '(redis-sentinel://host:26379/0#mymaster)',
  );
}

/** @throws {CgroupError} REDIS_VERSION for a server without sharded channels (https://redis.io/docs/latest/commands/ssubscribe/) */
export function refuseSharded({ version, release: [major] }: Pick<ServerFacts, 'version' | 'release'>): void {
  if (major >= 7) return;
  throw new CgroupError(
    'REDIS_VERSION',
    `${version} has no sharded channels: sharded needs Redis 7 or newer, or Valkey; leave it out, or upgrade Redis`,
  );
}

/** Whether the server takes writes. */
function roleOf({ masterAt }: ServerFacts): CheckState {
  if (masterAt === undefined) return { status: 'ok', what: 'a master: it takes writes' };
  return {
    status: 'mend',
    what: `a replica of ${masterAt}`,
    why: 'a replica takes no writes: nothing can be relayed or processed',
    fixes: [shell('cgroup', 'start', '--redis', `redis://${masterAt}`)],
  };
}

/**
 * Whether a fail-over can lose what was relayed or settled.
 *
 * @param wanted how many replicas the group waits for
 */
export function replicasOf(
  { replicas, masterAt }: Pick<ServerFacts, 'replicas' | 'masterAt'>,
  wanted: number,
): CheckState {
  const has = plural(replicas, 'replica');
  if (wanted > replicas && masterAt === undefined)
    return {
      status: 'mend',
      what: `the master has ${has}, and minReplicas asks for ${wanted}`,
      why: 'messages and results wait until so many replicas have them: nothing is settled before',
      fixes: [redis('INFO', 'replication'), shell('cgroup', 'start', '--min-replicas', String(replicas))],
    };
  if (wanted > 0)
    return { status: 'ok', what: `${has}, of which ${wanted} must have each message and result` };
  if (replicas === 0) return { status: 'ok', what: 'none' };
  return {
    status: 'note',
    what: `${has}, and none is waited for (minReplicas 0)`,
    why: 'Redis answers before its replicas have a write: a fail-over may lose the results of the last moments, which are then made again',
    fixes: [shell('cgroup', 'start', '--min-replicas', '1')],
  };
}

/** Whether the server deletes messages when its memory is full. */
export function evictionOf({
  maxmemoryPolicy: policy,
  configFile,
}: Pick<ServerFacts, 'maxmemoryPolicy' | 'configFile'>): CheckState {
  if (policy === undefined) return unseen('INFO memory', redis('CONFIG', 'GET', 'maxmemory-policy'));
  if (policy === 'noeviction') return { status: 'ok', what: 'maxmemory-policy noeviction' };
  return {
    status: 'mend',
    what: `Redis may delete messages when its memory is full (maxmemory-policy ${policy})`,
    ...bySetting(
      'inbox, results and counters are keys like any other: a deleted one is lost, without an error',
      'maxmemory-policy',
      'noeviction',
      configFile,
    ),
  };
}

/** Whether accepted messages survive a restart of the server. */
function persistenceOf({ aof, aofFsync, save, savedWell, configFile }: ServerFacts): CheckState {
  if (aof === undefined) return unseen('INFO persistence', redis('CONFIG', 'GET', 'appendonly'));
  if (!savedWell)
    return {
      status: 'mend',
      what: 'the last write to disk failed',
      why: 'Redis then refuses all writes, or loses them at a restart',
      fixes: [shell('df', '-h'), redis('INFO', 'persistence')],
    };
  if (!aof)
    return {
      status: 'mend',
      what:
        save === ''
          ? 'Redis keeps nothing on disk (appendonly no, no snapshots)'
          : `no append-only file${save === undefined ? '' : `, snapshots only (save ${save})`}`,
      ...bySetting(
        save === ''
          ? 'a restart loses all messages and results'
          : 'a crash loses all since the last snapshot, perhaps minutes; bridges relay only the last few seconds again',
        'appendonly',
        'yes',
        configFile,
      ),
    };
  if (aofFsync === undefined)
    return {
      status: 'note',
      what: `append-only file; appendfsync ${notChecked('CONFIG GET')}`,
      why: ASK_ANOTHER,
      fixes: [redis('CONFIG', 'GET', 'appendfsync')],
    };
  if (aofFsync === 'no')
    return {
      status: 'mend',
      what: 'the system decides when the append-only file is written (appendfsync no)',
      ...bySetting('a power cut loses the last 30 s or so', 'appendfsync', 'everysec', configFile),
    };
  return { status: 'ok', what: `append-only file, appendfsync ${aofFsync}` };
}

/** Whether there is room for a backlog. */
function memoryOf({ maxmemory, usedMemory, systemMemory, configFile }: ServerFacts): CheckState {
  if (usedMemory === undefined || maxmemory === undefined)
    return unseen('INFO memory', redis('INFO', 'memory'));
  const all = maxmemory > 0 ? maxmemory : systemMemory;
  if (!all)
    return {
      status: 'note',
      what: `${bytesText(usedMemory)} in use, no limit (maxmemory 0); not checked: Redis does not say how much memory its machine has`,
    };
  const what = `${bytesText(usedMemory)} of ${bytesText(all)} in use${maxmemory > 0 ? '' : ', no limit (maxmemory 0)'}`;
  if (usedMemory < NEARLY_FULL * all) return { status: 'ok', what };
  const less = [shell('cgroup', 'start', '--output-max-len', '1000000'), shell('cgroup', 'dead', 'purge')];
  if (maxmemory === 0)
    return { status: 'mend', what, why: 'when the memory is full, the system kills Redis', fixes: less };
  const { why, fixes } = bySetting(
    'when the memory is full, Redis takes no messages: bridges keep them up to bufferLimit, then drop the oldest',
    'maxmemory',
    megabytes(2 * maxmemory),
    configFile,
  );
  return { status: 'mend', what, why, fixes: [...fixes, ...less] };
}

/**
 * Whether Redis disconnects a subscriber that stalls for a moment.
 *
 * @param limit bytes that a subscriber may lag behind; 0 for no limit, undefined if it is unknown
 * @param bytesPerSecond the rate of the channel; undefined if Redis refused SUBSCRIBE
 */
export function outputBufferOf(
  limit: number | undefined,
  bytesPerSecond: number | undefined,
  configFile = '',
): CheckState {
  if (limit === undefined) return unseen('CONFIG GET', redis('CONFIG', 'GET', 'client-output-buffer-limit'));
  if (limit === 0) return { status: 'ok', what: 'no limit for subscribers' };
  if (bytesPerSecond === undefined)
    return {
      status: 'note',
      what: `${bytesText(limit)} for a subscriber; the rate of the channel ${notChecked('SUBSCRIBE')}`,
    };
  const rate = `at ${bytesText(bytesPerSecond)} a second`;
  if (bytesPerSecond * STALL < limit)
    return { status: 'ok', what: `${bytesText(limit)} for a subscriber, ${rate}` };
  return {
    status: 'mend',
    what: `${rate} Redis disconnects a bridge after a stall of ${(limit / bytesPerSecond).toFixed(1)} s`,
    ...bySetting(
      'it misses what is published until it is subscribed again, unless another bridge receives it',
      'client-output-buffer-limit',
      `pubsub ${megabytes(bytesPerSecond * 10)} ${megabytes(bytesPerSecond * 5)} 60`,
      configFile,
    ),
  };
}

/** The default of Redis for its longest argument, bytes. */
const LONGEST_ARGUMENT = 512 * 2 ** 20;

/** Whether every message that can be published can be read, too. */
function messageSizeOf({ replyLimit, longestArgument, configFile }: ServerFacts): CheckState {
  if (replyLimit === undefined || longestArgument === undefined)
    return unseen('CONFIG GET', redis('CONFIG', 'GET', 'client-output-buffer-limit'));
  if (replyLimit > 0 && replyLimit < longestArgument)
    return {
      status: 'mend',
      what: `Redis disconnects a client that reads more than ${bytesText(replyLimit)} at once`,
      ...bySetting(
        'a larger message can be published, and no consumer can ever read it',
        'client-output-buffer-limit',
        'normal 0 0 0',
        configFile,
      ),
    };
  const what = `Redis takes messages of up to ${bytesText(longestArgument)}`;
  if (longestArgument >= LONGEST_ARGUMENT) return { status: 'ok', what };
  return {
    status: 'note',
    what: `${what} (proto-max-bulk-len)`,
    ...bySetting('a publisher of a larger one is disconnected', 'proto-max-bulk-len', '512mb', configFile),
  };
}

/**
 * Whether the output belongs to this source and this Redis group.
 *
 * @param owner null if no group has run, undefined if Redis refused to say
 */
export function ownerOf(
  owner: Owner | null | undefined,
  names: SourceNames & Readonly<Record<'group' | 'output', string>> & { readonly consumerList?: string },
): CheckState {
  if (owner === null) return { status: 'ok', what: 'no group has run here yet' };
  if (owner === undefined) return unseen('HMGET of the hash that names it');
  const ours = sourceOf(names);
  const { source = ours, group } = owner;
  const [text, ourText] = [sourceText(source), sourceText(ours)];
  const wrong = [
    ...(text === ourText ? [] : [`the ${ourText}`]),
    ...(group === names.group ? [] : [`the group ${names.group}`]),
  ];
  const list = owner.consumerList;
  if (
    wrong.length === 0 &&
    list !== undefined &&
    names.consumerList !== undefined &&
    list !== names.consumerList
  )
    return {
      status: 'mend',
      what: `the consumers of the output ${names.output} are in the list ${list}, not in ${names.consumerList}`,
      why: 'with another list, neither the consumers nor the processes of the group are seen',
      fixes: [shell('cgroup', 'doctor', '--output', names.output, '--consumer-list', list)],
    };
  if (wrong.length === 0) return { status: 'ok', what: `${text}, group ${group}` };
  return {
    status: 'mend',
    what: `the output ${names.output} belongs to the ${text} and the group ${group}, not to ${wrong.join(' and ')}`,
    why: 'two groups on one output mix their results',
    fixes: [shell('cgroup', 'doctor', '--output', names.output, ...sourceFlags(source), '--group', group)],
  };
}

/** Why, and the commands that set it, now and after a restart; without a config file `why` says how to keep it. */
function bySetting(
  why: string,
  name: string,
  value: string,
  configFile: string,
): { why: string; fixes: Fix[] } {
  const now = redis('CONFIG', 'SET', name, value);
  if (configFile !== '') return { why, fixes: [now, redis('CONFIG', 'REWRITE')] };
  const always = `Redis runs without a config file, so a restart forgets it: put ${name} ${value} into its configuration, or start redis-server with --${name} ${value}`;
  return { why: `${why}. ${always}`, fixes: [now] };
}
