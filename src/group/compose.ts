import { Bridge } from '../bridge/bridge.js';
import { Committer } from '../consumer/committer.js';
import { Consumer, type ConsumerOptions } from '../consumer/consumer.js';
import { Heartbeats } from '../consumer/heartbeats.js';
import { ReadLimiter } from '../consumer/read-limiter.js';
import { Reclaimer } from '../consumer/reclaimer.js';
import { Unpacker } from '../consumer/unpacker.js';
import type { ControlStore } from '../core/control.js';
import type { ConsumerExecutor, Executor } from '../core/executor.js';
import { lineOf } from '../core/finding.js';
import { MOST_IN_PACK } from '../core/pack.js';
import { MISSED_BEATS } from '../core/registry.js';
import type { Logger } from '../log/logger.js';
import type { ProcessStats } from '../observe/process-stats.js';
import type { Join, WorkerHub } from '../processor/remote/hub.js';
import { RedisBridgeStore } from '../redis/bridge-store.js';
import { RedisConsumerStore, RedisInboxReader } from '../redis/consumer-store.js';
import { Inspector } from '../redis/inspect.js';
import { type Keys, keysOf } from '../redis/keys.js';
import type { Connection } from '../redis/protocol/connection.js';
import type { Connections } from '../redis/protocol/connections.js';
import { RedisRegistry } from '../redis/registry.js';
import { readServer, type ServerFacts } from '../redis/server.js';
import { evictionOf, outputBufferOf, refuseUnfit } from '../redis/server-checks.js';
import { WholePacks } from '../redis/whole-packs.js';
import type { Settings } from '../settings/settings.js';
import { loadTracing, type Tracing } from '../tracing/tracing.js';
import { Autoscaling } from './autoscaling.js';
import { ConsumerPool, type PooledConsumer } from './consumer-pool.js';
import type { Reports } from './events.js';
import type { Identity } from './identity.js';
import { OrderFollower } from './orders.js';

/** Messages that the consumers of a process may read and commit at a time: two commits, and what is read meanwhile. */
const MOST_IN_FLIGHT = 2_500;
/** Bytes of relayed messages that a bridge keeps, at most. */
const RETAIN_BYTES = 64 * 2 ** 20;

/** What the parts of a group are made from. */
export interface Dependencies {
  readonly settings: Settings;
  readonly identity: Identity;
  /** Consumers to begin with; undefined for a managed process. */
  readonly size: number | undefined;
  readonly connections: Connections;
  readonly executor: Executor;
  /** The remote workers, if they are the processor: then the process runs no other consumers. */
  readonly hub: WorkerHub | undefined;
  readonly reports: Reports;
  /** Kept only if http shows them. */
  readonly stats: ProcessStats | undefined;
  readonly log: Logger;
}

/** Everything that runs, from start to stop. */
export interface Parts {
  readonly inspector: Inspector;
  /** The connection on which consumers write. */
  readonly main: Connection;
  readonly bridge: Bridge | undefined;
  readonly consumers: ConsumerPool;
  /** Adds the consumer of a remote worker. */
  readonly join: Join;
  readonly committer: Committer;
  readonly reclaimer: Reclaimer;
  readonly unpacker: Unpacker;
  readonly heartbeats: Heartbeats;
  readonly orders: OrderFollower;
  readonly control: ControlStore;
  readonly autoscaling: Autoscaling;
}

/** What is known once Redis has answered. */
interface Resolved {
  readonly main: Connection;
  readonly keys: Keys;
  readonly server: ServerFacts;
  /** Undefined without tracing: it then costs nothing per message. */
  readonly tracing: Tracing | undefined;
}

/**
 * Connects, checks that the group can work with this Redis, and makes all parts. None of them is started.
 *
 * @throws {CgroupError} REDIS_UNREACHABLE, REDIS_AUTH, REDIS_VERSION, KEY_TYPE, or STATE if the connections are closed
 *   meanwhile
 */
export async function compose(dependencies: Dependencies): Promise<Parts> {
  const { settings, identity, size, connections, hub, reports, stats, log } = dependencies;
  const main = await connections.open('consumers');
  const server = await readServer(main);
  refuseUnfit(server);
  warnOf(server, log);
  const keys = keysOf(settings);
  const registry = new RedisRegistry(main, keys, { ...identity.ofProcess, output: settings.output });
  const tracing = await loadTracing(settings, log);
  const channel = settings.bridge === 'off' ? undefined : settings.channel;
  const wholePacks = new WholePacks(await connections.open('packs'), keys, settings.group, log);
  const store = new RedisConsumerStore(main, keys, settings.group, channel, wholePacks);
  // First: it creates nothing, so a foreign key under one of the names leaves nothing behind.
  await registry.beat(undefined, [], [], MISSED_BEATS * settings.heartbeat);
  await store.prepare();

  const resolved = { main, keys, server, tracing };
  const bridge =
    settings.bridge === 'off' ? undefined : await makeBridge(dependencies, resolved, () => orders.packSize);
  const readLimiter = new ReadLimiter(MOST_IN_FLIGHT);
  let settled = 0;
  const committer = new Committer({
    store: tracing?.settlingStore(store) ?? store,
    readLimiter,
    outputMaxLen: settings.outputMaxLen,
    deadMaxLen: settings.deadMaxLen,
    log,
    onSettled: (count) => {
      settled += count.processed + count.retried + count.dead;
      reports.settled(count);
    },
    onBuried: (deadLetters) => reports.buried(deadLetters),
    onResults: stats && ((results) => stats.committed(results)),
  });
  let isMeasured = false;
  /** The first of its consumers knows how long a message takes: the group may have larger packs from now on. */
  const onMeasured = () => {
    if (!isMeasured) heartbeats.hurry();
    isMeasured = true;
  };
  const shared = { store, committer, readLimiter, onMeasured };
  const consumers = new ConsumerPool({
    make: () => {
      const id = identity.nextConsumerId();
      const { executor } = dependencies;
      return makeConsumer(dependencies, resolved, shared, {
        id,
        concurrency: settings.concurrency,
        makeExecutor: () => executor.add(id),
        close: () => executor.remove(id),
      });
    },
    onAdded: () => heartbeats.hurry(),
    onLeft: (id) => heartbeats.leave(id),
    onSize: (size, before) => reports.scaled(size, before),
    log,
  });
  const orders = new OrderFollower({ consumers, reports, log });
  const { claimAfter, heartbeat } = settings;
  const onLost = (count: number) => reports.lost(count);
  const heartbeats = new Heartbeats({
    registry,
    store,
    consumers: () => consumers.all,
    heartbeat,
    claimAfter,
    log,
    report: () => {
      const running = consumers.running.length;
      // Those that take nothing for now take no packs either.
      const working = consumers.running.filter(({ stalled }) => !stalled);
      const packSizes = working.flatMap(({ packSize }) => packSize ?? []);
      return consumers.stopping
        ? undefined
        : {
            ...identity.ofProcess,
            managed: size === undefined,
            capacity: size === undefined ? settings.capacity : hub ? running : consumers.size,
            consumers: running,
            settled,
            busyMs: Math.round(consumers.busyMs),
            ...(consumers.stalled > 0 && { stalled: consumers.stalled }),
            packSize: working.length > 0 && packSizes.length === 0 ? 1 : Math.min(MOST_IN_PACK, ...packSizes),
            ...(hub && { workers: hub.workers }),
          };
    },
    onOrders: (reply) => orders.follow(reply),
    onLost,
  });
  if (size !== undefined) await consumers.resize(size);
  const inspector = new Inspector(main, keys, settings.group);
  const { control } = inspector;
  const bridgeStore = new RedisBridgeStore(main, keys);
  return {
    // http reads on a connection of its own, so that it never delays what consumers write.
    inspector: settings.http
      ? new Inspector(await connections.open('http'), keys, settings.group)
      : inspector,
    main,
    bridge,
    consumers,
    join: ({ executor, ...worker }) =>
      consumers.join(() =>
        makeConsumer(dependencies, resolved, shared, { ...worker, makeExecutor: async () => executor }),
      ),
    committer,
    reclaimer: new Reclaimer({ store, consumers: () => consumers.running, claimAfter, log, onLost }),
    unpacker: new Unpacker({ store, older: () => orders.older, log }),
    heartbeats,
    orders,
    control,
    autoscaling: new Autoscaling({
      id: identity.id,
      isOn: () => bridge?.leads === true && orders.control?.autoscale !== undefined,
      readLease: () => bridgeStore.readLease(),
      readTotals: () => inspector.totals(),
      control,
      heartbeat,
      onSet: () => heartbeats.hurry(),
      log,
    }),
  };
}

async function makeBridge(
  { settings, identity, connections, reports, log }: Dependencies,
  { keys, server, tracing }: Resolved,
  packSize: () => number,
): Promise<Bridge> {
  const connection = await connections.open('bridge');
  const store = new RedisBridgeStore(connection, keys);
  const bridgeLog = log.child({ bridge: identity.id });
  const bridge = new Bridge({
    id: identity.id,
    channel: settings.channel,
    marks: keys.marks,
    seats: settings.bridges,
    packSize,
    lease: settings.lease,
    limits: { retain: settings.retain, retainBytes: RETAIN_BYTES, bytes: settings.bufferLimit },
    store: tracing?.bridgeStore(store) ?? store,
    makeSubscriber: () => connections.make('subscriber'),
    onRate: rateWarning(server.pubsubHardLimit, bridgeLog),
    log: bridgeLog,
  });
  bridge.on('leading', () => reports.leading());
  bridge.on('fenced', () => reports.fenced());
  bridge.on('gap', (gap) => reports.gap(gap));
  return bridge;
}

/** What consumers of a process differ in. */
interface OwnOptions {
  readonly id: string;
  readonly concurrency: number;
  readonly makeExecutor: () => Promise<ConsumerExecutor>;
  /** Frees what the executor has. */
  readonly close?: () => void;
}

async function makeConsumer(
  { settings, connections, reports, stats, log }: Dependencies,
  { main, keys, tracing }: Resolved,
  shared: Pick<ConsumerOptions, 'store' | 'committer' | 'readLimiter' | 'onMeasured'>,
  { id, concurrency, makeExecutor, close }: OwnOptions,
): Promise<PooledConsumer> {
  const { batch, maxAttempts, backoff, group } = settings;
  const connection = await connections.open('consumer');
  const closeBoth = () => {
    connections.release(connection);
    close?.();
  };
  try {
    const own = await makeExecutor();
    const consumer = new Consumer({
      id,
      reader: new RedisInboxReader(connection, main, keys, group, id),
      ...shared,
      executor: tracing?.executor(own, id) ?? own,
      concurrency,
      batch,
      policy: { maxAttempts, backoff },
      log: log.child({ consumer: id }),
      onFailure: (failure) => reports.failure(failure),
      onAttempt: stats && ((ms) => stats.attempted(ms)),
    });
    return { consumer, close: closeBoth };
  } catch (error) {
    closeBoth();
    throw error;
  }
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
