import { Bridge } from '../bridge/bridge.js';
import { Puller } from '../bridge/puller.js';
import type { BridgeStore } from '../core/bridge-store.js';
import { lineOf } from '../core/finding.js';
import type { PulledSource } from '../core/source.js';
import type { Logger } from '../log/logger.js';
import { RedisBridgeStore } from '../redis/bridge-store.js';
import type { Keys } from '../redis/keys.js';
import { RedisLaneStore } from '../redis/lane-store.js';
import { LanesBridgeStore } from '../redis/lanes-bridge-store.js';
import { openLanes } from '../redis/open-lanes.js';
import type { Connection } from '../redis/protocol/connection.js';
import type { Connections } from '../redis/protocol/connections.js';
import { outputBufferOf, refuseSharded } from '../redis/server-checks.js';
import { RedisSourceStore } from '../redis/source-store.js';
import type { Settings } from '../settings/settings.js';
import type { Dependencies, Resolved } from './parts.js';

/** Bytes of relayed messages that a bridge keeps, at most. */
const RETAIN_BYTES = 64 * 2 ** 20;

export async function makeBridge(
  { settings, identity, connections, reports, log }: Dependencies,
  { keys, server, tracing }: Resolved,
  packSize: () => number,
): Promise<Bridge> {
  const { channel, sharded, lease } = settings;
  if (sharded) refuseSharded(server);
  const connection = await connections.open('bridge');
  // On a Cluster a message of a sharded channel reaches one node only; any other reaches all of them, each at another time.
  const announcer = sharded ? await connections.open('marks', channel) : undefined;
  const settle = connection.place.isCluster && !sharded ? lease : 0;
  const bridgeLog = log.child({ bridge: identity.id });
  const store = await bridgeStoreOf(connection, keys, settings, connections, announcer, bridgeLog);
  const bridge = new Bridge({
    id: identity.id,
    channel,
    isSharded: sharded,
    marks: keys.marks,
    seats: settings.bridges,
    packSize,
    allPositioned: settings.lanes > 1,
    lease,
    settle,
    limits: { retain: settings.retain, retainBytes: RETAIN_BYTES, bytes: settings.bufferLimit },
    store: tracing?.bridgeStore(store) ?? store,
    makeSubscriber: () => connections.make('subscriber', sharded ? channel : undefined),
    onRate: rateWarning(server.pubsubHardLimit, bridgeLog),
    log: bridgeLog,
  });
  bridge.on('leading', () => reports.leading());
  bridge.on('fenced', () => reports.fenced());
  bridge.on('gap', (gap) => reports.gap(gap));
  return bridge;
}

async function bridgeStoreOf(
  connection: Connection,
  keys: Keys,
  settings: Settings,
  connections: Connections,
  announcer: Connection | undefined,
  log: Logger,
): Promise<BridgeStore> {
  const { orderKey, lease } = settings;
  const lanes = await openLanes(connections, 'bridge', settings);
  if (lanes.length === 0) return new RedisBridgeStore(connection, keys, orderKey, announcer);
  return new LanesBridgeStore(
    new RedisBridgeStore(connection, keys, undefined, announcer),
    lanes.map((lane) => new RedisLaneStore(lane.connection, lane.keys, orderKey)),
    orderKey,
    { lease, log },
  );
}

export async function makePuller(
  { settings, identity, connections, reports, log }: Dependencies,
  { keys }: Resolved,
  source: PulledSource,
  packSize: () => number,
): Promise<Puller> {
  const connection = await connections.open('source');
  const waiting = await connections.open('waiting');
  const puller = new Puller({
    source,
    store: new RedisSourceStore(connection, waiting, keys, source, identity.id, settings.orderKey),
    endWait: () => connections.release(waiting),
    packSize,
    log: log.child({ [source.kind]: source.name }),
  });
  puller.on('gap', (gap) => reports.gap(gap));
  return puller;
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
