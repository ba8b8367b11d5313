import { Bridge } from '../bridge/bridge.js';
import { Puller } from '../bridge/puller.js';
import { lineOf } from '../core/finding.js';
import type { PulledSource } from '../core/source.js';
import type { Logger } from '../log/logger.js';
import { RedisBridgeStore } from '../redis/bridge-store.js';
import { RedisLaneStore } from '../redis/lane-store.js';
import { LanesBridgeStore } from '../redis/lanes-bridge-store.js';
import { openLanes } from '../redis/open-lanes.js';
import { outputBufferOf, refuseSharded } from '../redis/server-checks.js';
import { RedisSourceStore } from '../redis/source-store.js';
import type { Dependencies, Resolved } from './parts.js';

/** Bytes of relayed messages that a bridge keeps, at most. */
const RETAIN_BYTES = 64 * 2 ** 20;

/** @param prepare of a group with several lanes: makes the node of the group know it */
export async function makeBridge(
  { settings, identity, connections, reports, log }: Dependencies,
  { keys, server, tracing }: Resolved,
  packSize: () => number,
  prepare: () => Promise<unknown>,
): Promise<Bridge> {
  const { channel, sharded, lease, orderKey } = settings;
  if (sharded) refuseSharded(server);
  const connection = await connections.open('bridge');
  // On a Cluster a message of a sharded channel reaches one node only; any other reaches all of them, each at another time.
  const announcer = sharded ? await connections.open('marks', channel) : undefined;
  const pauseAfterMove = connection.place.isCluster && !sharded ? lease : 0;
  const bridgeLog = log.child({ bridge: identity.id });
  const base = (path?: string) => new RedisBridgeStore(connection, keys, path, announcer);
  const lanes = await openLanes(connections, 'bridge', settings);
  const store =
    lanes.length === 0
      ? base(orderKey)
      : new LanesBridgeStore(
          base(),
          lanes.map((lane) => new RedisLaneStore(lane.connection, lane.keys, orderKey)),
          orderKey,
          { lease, prepare, log: bridgeLog },
        );
  const bridge = new Bridge({
    id: identity.id,
    channel,
    isSharded: sharded,
    marks: keys.marks,
    seats: settings.bridges,
    packSize,
    allPositioned: settings.lanes > 1,
    lease,
    pauseAfterMove,
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
