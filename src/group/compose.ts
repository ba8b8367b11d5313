import { Committer } from '../consumer/committer.js';
import { Heartbeats } from '../consumer/heartbeats.js';
import { KeyKeeper } from '../consumer/key-keeper.js';
import { OrderKeeper } from '../consumer/order-keeper.js';
import { ReadLimiter } from '../consumer/read-limiter.js';
import { Reclaimer } from '../consumer/reclaimer.js';
import { Unpacker } from '../consumer/unpacker.js';
import type { DeadLetter, Halt } from '../core/consumer-store.js';
import { lineOf } from '../core/finding.js';
import { OrderWindow } from '../core/order-window.js';
import { MOST_IN_PACK } from '../core/pack.js';
import { recordKindOf, recordsInPostgres } from '../core/record.js';
import { hostAndPort } from '../core/redis-address.js';
import { MISSED_BEATS } from '../core/registry.js';
import { type Sink, sinkOf } from '../core/sink.js';
import { sourceOf } from '../core/source.js';
import { ownVersion } from '../core/version.js';
import type { Logger } from '../log/logger.js';
import { type BuryRefusedOptions, buryRefused } from '../record/bury-refused.js';
import { recordingStore } from '../record/recording-store.js';
import { RedisBridgeStore } from '../redis/bridge-store.js';
import { RedisConsumerStore } from '../redis/consumer-store.js';
import { Halts } from '../redis/halts.js';
import { Inspector } from '../redis/inspect.js';
import { RedisKeyStore } from '../redis/key-store.js';
import { hashesOf, type Keys, keysOf } from '../redis/keys.js';
import { OrderedCommits } from '../redis/ordered-commits.js';
import type { Connections } from '../redis/protocol/connections.js';
import { openRegistry, RedisRegistry } from '../redis/registry.js';
import { readServer, type ServerFacts } from '../redis/server.js';
import { evictionOf, refuseReplica, refuseUnfit, replicasOf } from '../redis/server-checks.js';
import { refuseElsewhere } from '../redis/slots.js';
import { WholePacks } from '../redis/whole-packs.js';
import { loadTracing } from '../tracing/tracing.js';
import { Autoscaling } from './autoscaling.js';
import { ConsumerPool } from './consumer-pool.js';
import { makeConsumer } from './make-consumer.js';
import { MissingKeys } from './missing-keys.js';
import { OrderFollower } from './orders.js';
import type { Dependencies, Parts } from './parts.js';
import { makeBridge, makePuller } from './relaying.js';

/** Messages that the consumers of a process may read and commit at a time: two commits, and what is read meanwhile. */
const MOST_IN_FLIGHT = 2_500;
/** Dead letters that stop an order of which a process tells at its start. */
const MOST_TOLD = 100;
/** How results are settled without an order, times, or a list. */
const PLAIN: Sink = { list: false, order: 'none', timed: false };

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
  refuseReplica(server);
  warnOf(server, settings.minReplicas, log);
  if (!main.isPlain && main.at)
    log.info({}, `the group's keys are at ${hostAndPort(main.at)}, of ${main.place.name}`);
  const keys = keysOf(settings);
  const source = sourceOf(settings);
  const relays = settings.bridge !== 'off';
  if (relays) refuseElsewhere(main, source, settings.output);
  const atRegistry = await openRegistry(connections, main, keys);
  const ofProcess = { ...identity.ofProcess, output: settings.output };
  const registry = new RedisRegistry(main, keys, ofProcess, atRegistry);
  const tracing = await loadTracing({ group: settings.group, channel: source.name }, log);
  const sink = sinkOf(settings);
  const isTotal = sink?.order === 'total';
  // A process without consumers has no record: what waits for it is let out by others.
  const letsOut = recorder !== undefined || !recordsInPostgres(settings);
  const window = new OrderWindow(isTotal ? settings.orderWindow : Number.POSITIVE_INFINITY, () => {
    for (const consumer of consumers.running) consumer.beginAttempts();
  });
  const ordered = new OrderedCommits(main, keys, {
    ...(sink ?? PLAIN),
    group: settings.group,
    maxLength: settings.outputMaxLen,
    run: (): number => orders.packSize,
    window,
    record: recorder && {
      recorder,
      halt: isTotal && settings.onDead === 'halt',
      deadMaxLen: settings.deadMaxLen,
      onMore: () => orderKeeper?.hurry(),
      onBuried: (deadLetters) => reports.buried(deadLetters),
      onHalted: (halts) => reports.halted(halts),
    },
    onRefused: (results, errors) => buryRefused(burying, results, errors),
  });
  const hashes = sink?.hashed ? hashesOf(keys) : undefined;
  const writing = sink
    ? { ordered, burying: { order: sink.order, halt: settings.onDead === 'halt', hashes } }
    : { wholePacks: new WholePacks(await connections.open('packs'), keys, settings.group, log) };
  const store = new RedisConsumerStore(main, keys, settings.group, relays ? source : undefined, {
    ...writing,
    output: { ...settings, record: recordKindOf(settings) },
  });
  // First: it creates nothing, so a foreign key under one of the names leaves nothing behind.
  await registry.beat(undefined, [], [], MISSED_BEATS * settings.heartbeat);
  await store.prepare();
  // What waited in total order waits for nothing if that is not asked any more.
  if (!isTotal && letsOut) await ordered.letOut();
  // Others may have told it long ago, and ended since.
  if (settings.order !== 'none') reports.halted((await new Halts(main, keys).first(MOST_TOLD)).halts);

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
  let failed = 0;
  const onBuried = (deadLetters: readonly DeadLetter[]) => {
    orderKeeper?.hurry();
    reports.buried(deadLetters);
  };
  const { deadMaxLen } = settings;
  const onHalted = (halts: readonly Halt[]) => reports.halted(halts);
  const burying: BuryRefusedOptions = { store, deadMaxLen, onBuried, onHalted };
  const settling = recorder ? recordingStore({ ...burying, store, recorder, later: isTotal }) : store;
  const { orderKey } = settings;
  const missingKeys = orderKey === undefined ? undefined : new MissingKeys(orderKey, log);
  const committer = new Committer({
    store: tracing?.settlingStore(settling) ?? settling,
    readLimiter,
    movesMessages: isTotal && recorder !== undefined,
    outputMaxLen: settings.outputMaxLen,
    deadMaxLen,
    log,
    onSettled: (count) => {
      settled += count.processed + count.retried + count.dead;
      failed += count.retried + count.dead;
      reports.settled(count);
    },
    onBuried,
    onHalted,
    onResults:
      (stats || missingKeys) &&
      ((results) => {
        missingKeys?.note(results);
        stats?.committed(results);
      }),
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
  const orderKeeper =
    isTotal && letsOut ? new OrderKeeper({ store: ordered, window, heartbeat, log }) : undefined;
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
              settings.record !== undefined || (working.length > 0 && packSizes.length === 0)
                ? 1
                : Math.min(MOST_IN_PACK, ...packSizes),
            ...(hub && { workers: hub.workers }),
            ...(puller && { pulls: true }),
            failed,
            version: ownVersion(),
            uptimeMs: Math.round(process.uptime() * 1_000),
            heartbeat,
            ...(bridge && { bridges: settings.bridges }),
            ...(recorder?.away && { recordAway: true }),
          };
    },
    onOrders: (reply) => orders.follow(reply),
    onLost,
  });
  if (size !== undefined) await consumers.resize(size);
  const inspector = new Inspector(main, keys, settings.group, atRegistry);
  const { control } = inspector;
  const bridgeStore = new RedisBridgeStore(main, keys);
  return {
    inspector: settings.http ? await httpInspector(connections, keys, settings.group) : inspector,
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
    unpacker: new Unpacker({
      store,
      older: () => orders.older,
      onlyRuns: sink !== undefined,
      keepRuns: settings.record === undefined,
      log,
    }),
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

/** http reads on connections of its own, so that it never delays what consumers write. */
async function httpInspector(connections: Connections, keys: Keys, group: string): Promise<Inspector> {
  const main = await connections.open('http');
  return new Inspector(main, keys, group, await openRegistry(connections, main, keys));
}

function warnOf(server: ServerFacts, minReplicas: number, log: Logger): void {
  const { version, maxmemoryPolicy, replicas } = server;
  log.debug({ version }, `connected to ${version}`);
  const eviction = evictionOf(server);
  if (eviction.status === 'mend') log.warn({ maxmemoryPolicy }, lineOf(eviction));
  const replication = replicasOf(server, minReplicas);
  if (replication.status === 'mend') log.warn({ replicas, minReplicas }, lineOf(replication));
}
