import { CgroupError } from '../errors.js';
import type { ServerFacts } from '../redis/server.js';
import { type Finding, megabytes, redis, shell } from './finding.js';

/** Memory in use beyond this part of all there is leaves too little for a backlog. */
const NEARLY_FULL = 0.8;
/** A subscriber must be able to stall for so many seconds. */
const STALL = 2;

/** Whether the server can do the work at all (XPENDING takes IDLE since Redis 6.2: https://redis.io/docs/latest/commands/xpending/). */
export function versionOf({ version, release: [major, minor], cluster }: ServerFacts): Finding {
  const check = 'version';
  if (major < 6 || (major === 6 && minor < 2))
    return {
      check,
      status: 'mend',
      what: `${version} is too old: cgroup needs Redis 6.2 or newer, or Valkey`,
      why: 'older ones cannot hand over the messages of a consumer that died',
      cures: [shell('apt-get', 'install', 'redis-server')],
    };
  if (cluster)
    return {
      check,
      status: 'mend',
      what: `${version} is a node of a Cluster, which cgroup does not support yet: use a single Redis, with or without replicas`,
      why: 'the nodes of a Cluster deliver messages in different orders',
      cures: [shell('cgroup', 'start', '--redis', 'redis://HOST:PORT')],
    };
  return { check, status: 'ok', what: version };
}

/** @throws {CgroupError} REDIS_VERSION for a server that cannot do the work */
export function refuseUnfit(server: ServerFacts): void {
  const { status, what } = versionOf(server);
  if (status === 'mend') throw new CgroupError('REDIS_VERSION', what);
}

/** Whether it takes writes. */
export function roleOf({ masterAt }: ServerFacts): Finding {
  if (masterAt === undefined) return { check: 'role', status: 'ok', what: 'a master: it takes writes' };
  return {
    check: 'role',
    status: 'mend',
    what: `a replica of ${masterAt}`,
    why: 'a replica takes no writes: nothing can be relayed or processed',
    cures: [shell('cgroup', 'start', '--redis', `redis://${masterAt}`)],
  };
}

/** Whether it deletes messages when its memory is full. */
export function evictionOf({ maxmemoryPolicy: policy }: Pick<ServerFacts, 'maxmemoryPolicy'>): Finding {
  const check = 'eviction';
  if (policy === undefined) return untold(check, 'maxmemory-policy');
  if (policy === 'noeviction') return { check, status: 'ok', what: 'maxmemory-policy noeviction' };
  return {
    check,
    status: 'mend',
    what: `Redis may delete messages when its memory is full (maxmemory-policy ${policy})`,
    why: 'inbox, results and counters are keys like any other: what is deleted is lost, and nobody is told',
    cures: [redis('CONFIG', 'SET', 'maxmemory-policy', 'noeviction'), redis('CONFIG', 'REWRITE')],
  };
}

/** Whether what it has accepted outlives its restart. */
export function persistenceOf({ aof, aofFsync, save, savedWell }: ServerFacts): Finding {
  const check = 'persistence';
  if (aof === undefined) return untold(check, 'appendonly');
  const on = [redis('CONFIG', 'SET', 'appendonly', 'yes'), redis('CONFIG', 'REWRITE')];
  if (!savedWell)
    return {
      check,
      status: 'mend',
      what: 'the last write to disk failed',
      why: 'Redis then refuses all writes, or loses them in a restart',
      cures: [shell('df', '-h'), redis('INFO', 'persistence')],
    };
  if (!aof)
    return {
      check,
      status: 'mend',
      what:
        save === ''
          ? 'Redis keeps nothing on disk (appendonly no, no snapshots)'
          : `no append-only file${save === undefined ? '' : `, snapshots only (save ${save})`}`,
      why:
        save === ''
          ? 'a restart loses all messages and results'
          : 'a crash loses what was accepted since the last snapshot, minutes perhaps; bridges relay only the last few seconds again',
      cures: on,
    };
  if (aofFsync === 'no')
    return {
      check,
      status: 'mend',
      what: 'the append-only file is written whenever the system likes (appendfsync no)',
      why: 'a power cut loses some 30 s of what was accepted',
      cures: [redis('CONFIG', 'SET', 'appendfsync', 'everysec'), redis('CONFIG', 'REWRITE')],
    };
  return { check, status: 'ok', what: `append-only file${aofFsync ? `, appendfsync ${aofFsync}` : ''}` };
}

/** Whether a backlog has room. */
export function memoryOf({ maxmemory, usedMemory, systemMemory }: ServerFacts): Finding {
  const check = 'memory';
  if (usedMemory === undefined || maxmemory === undefined) return untold(check, 'used_memory');
  const all = maxmemory > 0 ? maxmemory : systemMemory;
  if (!all) return { check, status: 'ok', what: `${megabytes(usedMemory)} in use, no limit` };
  const what = `${megabytes(usedMemory)} of ${megabytes(all)} in use${maxmemory > 0 ? '' : ', no limit (maxmemory 0)'}`;
  if (usedMemory < NEARLY_FULL * all) return { check, status: 'ok', what };
  return {
    check,
    status: 'mend',
    what,
    why:
      maxmemory > 0
        ? 'when it is full Redis takes no messages: bridges keep them up to bufferLimit, and then drop the oldest'
        : 'when it is full the system kills Redis',
    cures: [
      ...(maxmemory > 0 ? [redis('CONFIG', 'SET', 'maxmemory', megabytes(2 * maxmemory))] : []),
      shell('cgroup', 'start', '--output-max-len', '1000000'),
      shell('cgroup', 'dead', 'purge'),
    ],
  };
}

/** Whether Redis cuts a subscriber off that stalls for a moment. At this rate, how soon is that? */
export function outputBufferOf(limit: number | undefined, bytesPerSecond: number): Finding {
  const check = 'output buffer';
  if (limit === undefined) return untold(check, 'client-output-buffer-limit');
  const rate = `at ${megabytes(bytesPerSecond)} a second`;
  if (limit === 0 || bytesPerSecond * STALL < limit)
    return {
      check,
      status: 'ok',
      what: limit === 0 ? 'no limit for subscribers' : `${megabytes(limit)} for a subscriber, ${rate}`,
    };
  const wanted = `pubsub ${megabytes(bytesPerSecond * 10)} ${megabytes(bytesPerSecond * 5)} 60`;
  return {
    check,
    status: 'mend',
    what: `${rate} Redis cuts a bridge off after a stall of ${(limit / bytesPerSecond).toFixed(1)} s`,
    why: 'what was published before it is subscribed again is missed, unless another bridge has it',
    cures: [redis('CONFIG', 'SET', 'client-output-buffer-limit', wanted), redis('CONFIG', 'REWRITE')],
  };
}

function untold(check: string, name: string): Finding {
  return {
    check,
    status: 'note',
    what: `cannot be told: this user may not ask for ${name}`,
    why: 'ask with a user that may; managed services show it in their console',
    cures: [name.includes('_') ? redis('INFO') : redis('CONFIG', 'GET', name)],
  };
}
