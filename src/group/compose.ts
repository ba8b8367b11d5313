import { Bridge } from '../bridge/bridge.js';
import { Puller } from '../bridge/puller.js';
import { Committer } from '../consumer/committer.js';
import { Consumer, type ConsumerOptions } from '../consumer/consumer.js';
import { Heartbeats } from '../consumer/heartbeats.js';
import { KeyKeeper } from '../consumer/key-keeper.js';
import { OrderKeeper } from '../consumer/order-keeper.js';
import { ReadLimiter } from '../consumer/read-limiter.js';
import { Reclaimer } from '../consumer/reclaimer.js';
import { Unpacker } from '../consumer/unpacker.js';
import type { DeadLetter } from '../core/consumer-store.js';
import type { ControlStore } from '../core/control.js';
import type { ConsumerExecutor, Executor } from '../core/executor.js';
import { lineOf } from '../core/finding.js';
import { OrderWindow } from '../core/order-window.js';
import { MOST_IN_PACK } from '../core/pack.js';
import type { Recorder } from '../core/record.js';
import { MISSED_BEATS } from '../core/registry.js';
import { type Sink, sinkOf } from '../core/sink.js';
import { type PulledSource, sourceOf } from '../core/source.js';
import type { Logger } from '../log/logger.js';
import type { ProcessStats } from '../observe/process-stats.js';
import type { Join, WorkerHub } from '../processor/remote/hub.js';
import { recordingStore } from '../record/recording-store.js';
import { RedisBridgeStore } from '../redis/bridge-store.js';
import { type PacksRead, RedisConsumerStore, RedisInboxReader } from '../redis/consumer-store.js';
import { Inspector } from '../redis/inspect.js';
import { RedisKeyStore } from '../redis/key-store.js';
import { type Keys, keysOf } from '../redis/keys.js';
import { OrderedCommits } from '../redis/ordered-commits.js';
import type { Connection } from '../redis/protocol/connection.js';
import type { Connections } from '../redis/protocol/connections.js';
import { RedisRegistry } from '../redis/registry.js';
import { readServer, type ServerFacts } from '../redis/server.js';
import { evictionOf, outputBufferOf, refuseUnfit } from '../redis/server-checks.js';
import { RedisSourceStore } from '../redis/source-store.js';
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
/** How results are settled without an order, times, or a list. */
const PLAIN: Sink = { list: false, order: 'none', timed: false };
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
  /** The system of record, started; undefined if there is none. */
  readonly recorder: Recorder | undefined;
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
  /** In place of the bridge, if the messages come from a list or a stream. */
  readonly puller: Puller | undefined;
  readonly consumers: ConsumerPool;
  /** Adds the consumer of a remote worker. */
  readonly join: Join;
  readonly committer: Committer;
  readonly reclaimer: Reclaimer;
  readonly unpacker: Unpacker;
  readonly keyKeeper: KeyKeeper;
  /** In total order only. */
  readonly orderKeeper: OrderKeeper | undefined;
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
  const { settings, identity, size, connections, hub, recorder, reports, stats, log } = dependencies;
  const main = await connections.open('consumers');
  const server = await readServer(main);
  refuseUnfit(server);
  warnOf(server, log);
  const keys = keysOf(settings);
  const registry = new RedisRegistry(main, keys, { ...identity.ofProcess, output: settings.output });
  const source = sourceOf(settings);
  const relays = settings.bridge !== 'off';
  const tracing = await loadTracing({ group: settings.group, channel: source.name }, log);
  const sink = sinkOf(settings);
  const isTotal = sink?.order === 'total';
  const window = new OrderWindow(isTotal ? settings.orderWindow : Number.POSITIVE_INFINITY, () => {
    for (const consumer of consumers.running) consumer.beginAttempts();
  });
  const ordered = new OrderedCommits(main, keys, {
    ...(sink ?? PLAIN),
    group: settings.group,
    maxLength: settings.outputMaxLen,
    run: (): number => orders.packSize,
    window,
  });
  const writing = sink
    ? { ordered, burying: { order: sink.order, halt: settings.onDead === 'halt' } }
    : { wholePacks: new WholePacks(await connections.open('packs'), keys, settings.group, log) };
  const store = new RedisConsumerStore(main, keys, settings.group, relays ? source : undefined, {
    ...writing,
    output: settings,
  });
  // First: it creates nothing, so a foreign key under one of the names leaves nothing behind.
  await registry.beat(undefined, [], [], MISSED_BEATS * settings.heartbeat);
  await store.prepare();
  // What waited in total order waits for nothing if that is not asked any more.
  if (!isTotal) await ordered.letOut();

  const resolved = { main, keys, server, tracing };
  const packSize = () => (sink ? 1 : orders.packSize);
  const bridge =
    relays && source.kind === 'channel' ? await makeBridge(dependencies, resolved, packSize) : undefined;
  const puller =
    relays && source.kind !== 'channel'
      ? await makePuller(dependencies, resolved, source, packSize)
      : undefined;
  const readLimiter = new ReadLimiter(MOST_IN_FLIGHT);
  let settled = 0;
  const onBuried = (deadLetters: readonly DeadLetter[]) => {
    orderKeeper?.hurry();
    reports.buried(deadLetters);
  };
  const { deadMaxLen } = settings;
  const settling = recorder ? recordingStore({ store, recorder, deadMaxLen, onBuried }) : store;
  const committer = new Committer({
    store: tracing?.settlingStore(settling) ?? settling,
    readLimiter,
    outputMaxLen: settings.outputMaxLen,
    deadMaxLen,
    log,
    onSettled: (count) => {
      settled += count.processed + count.retried + count.dead;
      reports.settled(count);
    },
    onBuried,
    onHalted: (halts) => reports.halted(halts),
    onResults: stats && ((results) => stats.committed(results)),
  });
  let isMeasured = false;
  /** The first of its consumers knows how long a message takes: the group may have larger packs from now on. */
  const onMeasured = () => {
    if (!isMeasured) heartbeats.hurry();
    isMeasured = true;
  };
  const shared = {
    store,
    committer,
    readLimiter,
    onMeasured,
    timed: sink?.timed ?? false,
    onlyRuns: sink !== undefined,
    window: isTotal ? window : undefined,
  };
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
  const orders: OrderFollower = new OrderFollower({ consumers, reports, log });
  const { claimAfter, heartbeat } = settings;
  const orderKeeper = isTotal ? new OrderKeeper({ store: ordered, window, heartbeat, log }) : undefined;
  const onLost = (count: number) => {
    orderKeeper?.hurry();
    reports.lost(count);
  };
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
            // A message of a pack has no times, and the record wants them.
            packSize:
              recorder || (working.length > 0 && packSizes.length === 0)
                ? 1
                : Math.min(MOST_IN_PACK, ...packSizes),
            ...(hub && { workers: hub.workers }),
            ...(puller && { pulls: true }),
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
    puller,
    consumers,
    join: ({ executor, ...worker }) =>
      consumers.join(() =>
        makeConsumer(dependencies, resolved, shared, { ...worker, makeExecutor: async () => executor }),
      ),
    committer,
    reclaimer: new Reclaimer({ store, consumers: () => consumers.running, claimAfter, log, onLost }),
    unpacker: new Unpacker({ store, older: () => orders.older, onlyRuns: sink !== undefined, log }),
    keyKeeper: new KeyKeeper({
      store: new RedisKeyStore(main, keys, settings.group, () => orders.packSize),
      keyed: settings.order === 'key',
      log,
    }),
    orderKeeper,
    heartbeats,
    orders,
    control,
    autoscaling: new Autoscaling({
      id: identity.id,
      isOn: () => (bridge?.leads === true || puller !== undefined) && orders.control?.autoscale !== undefined,
      readLease: puller ? undefined : () => bridgeStore.readLease(),
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
  const store = new RedisBridgeStore(connection, keys, settings.orderKey);
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

async function makePuller(
  { identity, connections, reports, log }: Dependencies,
  { keys }: Resolved,
  source: PulledSource,
  packSize: () => number,
): Promise<Puller> {
  const connection = await connections.open('source');
  const waiting = await connections.open('waiting');
  const puller = new Puller({
    source,
    store: new RedisSourceStore(connection, waiting, keys, source, identity.id),
    endWait: () => connections.release(waiting),
    packSize,
    log: log.child({ [source.kind]: source.name }),
  });
  puller.on('gap', (gap) => reports.gap(gap));
  return puller;
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
  shared: Pick<
    ConsumerOptions,
    'store' | 'committer' | 'readLimiter' | 'onMeasured' | 'timed' | 'onlyRuns' | 'window'
  >,
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
      reader: new RedisInboxReader(connection, main, keys, group, id, packsFor(settings)),
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

/** In total order, and into a list, each message is an entry of its own; waiting packs of another time are unpacked. */
function packsFor(settings: Settings): PacksRead {
  const sink = sinkOf(settings);
  if (sink?.order === 'key') return 'small';
  return sink ? 'none' : 'large';
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
