import { Heartbeats } from '../consumer/heartbeats.js';
import { inLane } from '../consumer/lane-consumers.js';
import { OrderKeeper } from '../consumer/order-keeper.js';
import { wholeOf } from '../core/away-lanes.js';
import { lineOf } from '../core/finding.js';
import { OrderWindow } from '../core/order-window.js';
import { MOST_IN_PACK } from '../core/pack.js';
import { recordKindOf, recordsInPostgres } from '../core/record.js';
import { hostAndPort } from '../core/redis-address.js';
import { MISSED_BEATS } from '../core/registry.js';
import { sinkOf } from '../core/sink.js';
import { type Source, sourceOf } from '../core/source.js';
import { ownVersion } from '../core/version.js';
import type { Logger } from '../log/logger.js';
import { RedisBridgeStore } from '../redis/bridge-store.js';
import { RedisConsumerStore } from '../redis/consumer-store.js';
import type { GroupInspector } from '../redis/group-inspector.js';
import { type Keys, keysOf } from '../redis/keys.js';
import { confirmLanes, otherNumber, refuseOtherLanes } from '../redis/lanes-change.js';
import { haltInLane } from '../redis/lanes-halts.js';
import {
  type LaneCount,
  makeInspector,
  openFormerLanes,
  openLanes,
  openLanesToRead,
} from '../redis/open-lanes.js';
import type { Connection } from '../redis/protocol/connection.js';
import type { Connections } from '../redis/protocol/connections.js';
import { openRegistry, RedisRegistry } from '../redis/registry.js';
import { readServer, type ServerFacts } from '../redis/server.js';
import { evictionOf, refuseReplica, refuseUnfit, replicasOf } from '../redis/server-checks.js';
import { refuseElsewhere } from '../redis/slots.js';
import type { Settings } from '../settings/settings.js';
import { loadTracing } from '../tracing/tracing.js';
import { Autoscaling } from './autoscaling.js';
import { ConsumerPool } from './consumer-pool.js';
import { makeLane } from './lane.js';
import { makeConsumer } from './make-consumer.js';
import { MissingKeys } from './missing-keys.js';
import { OrderFollower } from './orders.js';
import type { Dependencies, Lane, Parts } from './parts.js';
import { makeBridge, makePuller } from './relaying.js';

/** Dead letters that stop an order of which a process tells at its start. */
const MOST_TOLD = 100;

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
  const laneCount = await refuseOtherLanes(connections, main, settings);
  const atRegistry = await openRegistry(connections, main, keys);
  const ofProcess = { ...identity.ofProcess, output: settings.output, lanes: settings.lanes };
  const registry = new RedisRegistry(main, keys, ofProcess, atRegistry);
  const tracing = await loadTracing({ group: settings.group, channel: source.name }, log);
  const sink = sinkOf(settings);
  const isTotal = sink?.order === 'total';
  // A process without consumers has no record: what waits for it is let out by others.
  const letsOut = recorder !== undefined || !recordsInPostgres(settings);
  const window = new OrderWindow(isTotal ? settings.orderWindow : Number.POSITIVE_INFINITY, () => {
    for (const consumer of consumers.running) consumer.beginAttempts();
  });
  let settled = 0;
  let failed = 0;
  const { orderKey } = settings;
  const missingKeys = orderKey === undefined ? undefined : new MissingKeys(orderKey, log);
  const onLost = (count: number) => {
    orderKeeper?.hurry();
    reports.lost(count);
  };
  const several = await openLanes(connections, 'consumers', settings);
  const isOne = several.length === 0;
  const ofLane = (lane: number) => (isOne ? dependencies : { ...dependencies, log: log.child({ lane }) });
  const lanes: readonly Lane[] = await Promise.all(
    (isOne ? [{ connection: main, keys }] : several).map((place, lane) =>
      makeLane(ofLane(lane), {
        ...{ place, sink, window, tracing, onLost },
        lanes: isOne ? 1 : undefined,
        source: relays ? source : undefined,
        packSize: () => orders.packSize,
        older: () => orders.older,
        consumers: () => consumers.running.map((consumer) => inLane(consumer, lane)),
        allConsumers: () => consumers.all.map((consumer) => inLane(consumer, lane)),
        live: () => heartbeats.live,
        onMore: () => orderKeeper?.hurry(),
        onSettled: (count) => {
          settled += count.processed + count.retried + count.dead;
          failed += count.retried + count.dead;
          reports.settled(count);
        },
        onBuried: (deadLetters) => {
          orderKeeper?.hurry();
          reports.buried(deadLetters, isOne ? undefined : lane);
        },
        onHalted: (halts) => reports.halted(isOne ? halts : halts.map((halt) => haltInLane(lane, halt))),
        onResults:
          (stats || missingKeys) &&
          ((results) => {
            missingKeys?.note(results);
            stats?.committed(results);
          }),
      }),
    ),
  );
  // First: it creates nothing, so a foreign key under one of the names leaves nothing behind.
  const { otherLanes } = await registry.beat(undefined, [], [], MISSED_BEATS * settings.heartbeat);
  if (otherLanes !== undefined) throw otherNumber(otherLanes, settings.lanes);
  const base = baseStore(main, keys, settings, relays ? source : undefined);
  if (!isOne) await base.prepare();
  for (const { store } of lanes) await store.prepare();
  // What waited in total order waits for nothing if that is not asked any more.
  if (!isTotal && letsOut) for (const { ordered } of lanes) await ordered.letOut();
  const inspector = makeInspector({
    ...{ connection: main, keys, registry: atRegistry, lanes: several, group: settings.group },
    former: await openFormerLanes(connections, 'consumers', settings, laneCount),
  });
  // Others may have told it long ago, and ended since.
  if (settings.order !== 'none') reports.halted((await inspector.halts.first(MOST_TOLD)).halts);

  const resolved = { main, keys, server, tracing };
  const packSize = () => (sink ? 1 : orders.packSize);
  const bridge =
    relays && source.kind === 'channel'
      ? await makeBridge(dependencies, resolved, packSize, () => base.prepare())
      : undefined;
  const puller =
    relays && source.kind !== 'channel'
      ? await makePuller(dependencies, resolved, source, packSize)
      : undefined;
  let isMeasured = false;
  /** The first of its consumers knows how long a message takes: the group may have larger packs from now on. */
  const onMeasured = () => {
    if (!isMeasured) heartbeats.hurry();
    isMeasured = true;
  };
  const shared = {
    onMeasured,
    timed: sink?.timed ?? false,
    onlyRuns: sink !== undefined,
    window: isTotal ? window : undefined,
  };
  const consumers: ConsumerPool = new ConsumerPool({
    make: () => {
      const id = identity.nextConsumerId();
      const { executor } = dependencies;
      return makeConsumer(dependencies, tracing, lanes, shared, {
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
  const { heartbeat } = settings;
  // Total order goes with one lane only.
  const [first] = lanes;
  const orderKeeper =
    isTotal && letsOut && first
      ? new OrderKeeper({ store: first.ordered, window, heartbeat, log })
      : undefined;
  const heartbeats: Heartbeats = new Heartbeats({
    registry,
    consumers: () => consumers.all,
    heartbeat,
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
            ...(settings.lanes > 1 && { lanes: settings.lanes }),
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
  });
  if (size !== undefined) await consumers.resize(size);
  const { control } = inspector;
  const bridgeStore = new RedisBridgeStore(main, keys);
  return {
    inspector: settings.http ? await httpInspector(connections, keys, settings, laneCount) : inspector,
    main,
    bridge,
    puller,
    consumers,
    join: ({ executor, ...worker }) =>
      consumers.join(() =>
        makeConsumer(dependencies, tracing, lanes, shared, { ...worker, makeExecutor: async () => executor }),
      ),
    lanes,
    orderKeeper,
    heartbeats,
    orders,
    control,
    confirm: () => confirmLanes(main, settings),
    autoscaling: new Autoscaling({
      id: identity.id,
      isOn: () => (bridge?.leads === true || puller !== undefined) && orders.control?.autoscale !== undefined,
      readLease: puller ? undefined : () => bridgeStore.readLease(),
      readTotals: async () => wholeOf(await inspector.totals()),
      control,
      heartbeat,
      onSet: () => heartbeats.hurry(),
      log,
    }),
  };
}

/** http reads on connections of its own, so that it never delays what consumers write. */
async function httpInspector(
  connections: Connections,
  keys: Keys,
  settings: Settings,
  laneCount: LaneCount,
): Promise<GroupInspector> {
  const connection = await connections.open('http');
  return makeInspector({
    ...{ connection, keys, group: settings.group },
    registry: await openRegistry(connections, connection, keys),
    lanes: await openLanesToRead(connections, 'http', settings),
    former: await openFormerLanes(connections, 'http', settings, laneCount),
  });
}

/** What all lanes share, which says what the output is. */
function baseStore(
  main: Connection,
  keys: Keys,
  settings: Settings,
  source: Source | undefined,
): RedisConsumerStore {
  return new RedisConsumerStore(main, keys, settings.group, source, {
    lanes: settings.lanes,
    output: { ...settings, record: recordKindOf(settings) },
  });
}

function warnOf(server: ServerFacts, minReplicas: number, log: Logger): void {
  const { version, maxmemoryPolicy, replicas } = server;
  log.debug({ version }, `connected to ${version}`);
  const eviction = evictionOf(server);
  if (eviction.status === 'mend') log.warn({ maxmemoryPolicy }, lineOf(eviction));
  const replication = replicasOf(server, minReplicas);
  if (replication.status === 'mend') log.warn({ replicas, minReplicas }, lineOf(replication));
}
