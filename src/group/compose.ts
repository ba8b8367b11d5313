import { Bridge } from '../bridge/bridge.js';
import { Committer } from '../consumer/committer.js';
import { Consumer, type ConsumerOptions } from '../consumer/consumer.js';
import { Heartbeats } from '../consumer/heartbeats.js';
import { ReadLimiter } from '../consumer/read-limiter.js';
import { Reclaimer } from '../consumer/reclaimer.js';
import { lineOf } from '../core/finding.js';
import type { Logger } from '../log/logger.js';
import type { ProcessStats } from '../observe/process-stats.js';
import type { Executor } from '../processor/executor.js';
import { RedisBridgeStore } from '../redis/bridge-store.js';
import { RedisConsumerStore, RedisInboxReader } from '../redis/consumer-store.js';
import { Inspector } from '../redis/inspect.js';
import { type Keys, keysOf } from '../redis/keys.js';
import type { Connection } from '../redis/protocol/connection.js';
import { RedisRegistry } from '../redis/registry.js';
import { readServer, type ServerFacts } from '../redis/server.js';
import { evictionOf, outputBufferOf, refuseUnfit } from '../redis/server-checks.js';
import type { Settings } from '../settings/settings.js';
import { loadTracing } from '../tracing/load.js';
import { TracedBridgeStore, TracedConsumerStore } from '../tracing/stores.js';
import type { Tracing } from '../tracing/tracing.js';
import type { GroupConnections } from './connections.js';
import type { Reports } from './events.js';
import type { Identity } from './identity.js';

/**
 * Entries that all consumers of a process may be reading and committing: two commits that are under way, and as much as is read
 * meanwhile.
 */
const MOST_IN_FLIGHT = 2_500;
/** Bytes of what is relayed already that a bridge keeps, at most. */
const RETAIN_BYTES = 64 * 2 ** 20;

/** What the parts of a group are made from. */
export interface Dependencies {
  readonly settings: Settings;
  readonly identity: Identity;
  readonly connections: GroupConnections;
  readonly workshop: Executor;
  readonly reports: Reports;
  /** Kept only where http shows them. */
  readonly stats: ProcessStats | undefined;
  readonly log: Logger;
}

/** Everything that runs, from start to stop. */
export interface Parts {
  readonly inspector: Inspector;
  /** The connection on which consumers write. */
  readonly main: Connection;
  readonly bridge: Bridge | undefined;
  readonly consumers: readonly Consumer[];
  readonly committer: Committer;
  readonly reclaimer: Reclaimer;
  readonly members: Heartbeats;
}

/** What becomes known on the way. */
interface Resolved {
  readonly keys: Keys;
  readonly server: ServerFacts;
  /** Undefined where nobody traces: then no message is looked at for it. */
  readonly tracing: Tracing | undefined;
}

/**
 * Connects, sees to it that the group can work with this Redis, and makes all parts, none of them started.
 *
 * @throws {CgroupError} REDIS_UNREACHABLE, REDIS_AUTH, REDIS_VERSION, KEY_TYPE, or STATE if the connections are closed
 *   meanwhile
 */
export async function compose(materials: Dependencies): Promise<Parts> {
  const { settings, identity, connections, reports, stats, log } = materials;
  const main = await connections.open('consumers');
  const server = await readServer(main);
  refuseUnfit(server);
  warnOf(server, log);
  const keys = keysOf(settings);
  const registry = new RedisRegistry(main, keys, {
    host: identity.host,
    pid: identity.pid,
    output: settings.output,
  });
  const tracing = await loadTracing(settings, log);
  const channel = settings.bridge === 'off' ? undefined : settings.channel;
  const road = tracing
    ? new TracedConsumerStore(tracing, main, keys, settings.group, channel)
    : new RedisConsumerStore(main, keys, settings.group, channel);
  // This one first: it makes nothing, so that a foreign key under either's names leaves nothing behind.
  await registry.beat([], [], 3 * settings.heartbeat);
  await road.prepare();

  const found = { keys, server, tracing };
  const bridge = settings.bridge === 'off' ? undefined : await makeBridge(materials, found);
  const admission = new ReadLimiter(MOST_IN_FLIGHT);
  const committer = new Committer({
    store: road,
    admission,
    outputMaxLen: settings.outputMaxLen,
    log,
    onSettled: (count) => reports.settled(count),
    onResults: stats && ((results) => stats.committed(results)),
  });
  const consumers = await makeConsumers(materials, found, main, { store: road, committer, admission });
  const { claimAfter, heartbeat } = settings;
  const onLost = (count: number) => reports.lost(count);
  return {
    // What many may look at does not stand in the way of what the consumers write.
    inspector: new Inspector(settings.http ? await connections.open('http') : main, keys, settings.group),
    main,
    bridge,
    consumers,
    committer,
    reclaimer: new Reclaimer({ store: road, takers: consumers, claimAfter, log, onLost }),
    members: new Heartbeats({ registry, store: road, consumers, heartbeat, claimAfter, log, onLost }),
  };
}

async function makeBridge(
  { settings, identity, connections, reports, log }: Dependencies,
  { keys, server, tracing }: Resolved,
): Promise<Bridge> {
  const connection = await connections.open('bridge');
  const bridgeLog = log.child({ bridge: identity.bridgeId });
  const bridge = new Bridge({
    id: identity.bridgeId,
    channel: settings.channel,
    marks: keys.marks,
    seats: settings.bridges,
    lease: settings.lease,
    limits: { retain: settings.retain, retainBytes: RETAIN_BYTES, bytes: settings.bufferLimit },
    store: tracing
      ? new TracedBridgeStore(tracing, connection, keys)
      : new RedisBridgeStore(connection, keys),
    makeSubscriber: () => connections.make('subscriber'),
    onRate: rateWarning(server.pubsubHardLimit, bridgeLog),
    log: bridgeLog,
  });
  bridge.on('leading', () => reports.leading());
  bridge.on('fenced', () => reports.fenced());
  bridge.on('gap', (gap) => reports.gap(gap));
  return bridge;
}

async function makeConsumers(
  { settings, identity, connections, workshop, reports, stats, log }: Dependencies,
  { keys, tracing }: Resolved,
  main: Connection,
  shared: Pick<ConsumerOptions, 'store' | 'committer' | 'admission'>,
): Promise<Consumer[]> {
  const { concurrency, batch, maxAttempts, backoff } = settings;
  const ids = identity.consumerIds;
  return Promise.all(
    ids.map(
      async (id) =>
        new Consumer({
          id,
          reader: new RedisInboxReader(await connections.open('consumer'), main, keys, settings.group, id),
          ...shared,
          lane: tracing ? tracing.lane(workshop.forConsumer(id), id) : workshop.forConsumer(id),
          concurrency,
          batch,
          consumers: ids.length,
          policy: { maxAttempts, backoff },
          log: log.child({ consumer: id }),
          onFailure: (failure) => reports.failure(failure),
          onAttempt: stats && ((ms) => stats.attempted(ms)),
        }),
    ),
  );
}

function warnOf(server: ServerFacts, log: Logger): void {
  const { version, maxmemoryPolicy } = server;
  log.debug({ version }, `connected to ${version}`);
  const eviction = evictionOf(server);
  if (eviction.status === 'mend') log.warn({ maxmemoryPolicy }, lineOf(eviction));
}

/**
 * Warns once of a rate at which Redis would soon cut off a bridge that lags behind.
 *
 * @param limit bytes that Redis lets a subscriber lag behind; 0 for no limit, undefined if unknown
 */
function rateWarning(limit: number | undefined, log: Logger): (bytesPerSecond: number) => void {
  let warned = false;
  return (bytesPerSecond) => {
    if (warned) return;
    const finding = outputBufferOf(limit, bytesPerSecond);
    if (finding.status !== 'mend') return;
    warned = true;
    log.warn({ bytesPerSecond, limit }, lineOf(finding));
  };
}
