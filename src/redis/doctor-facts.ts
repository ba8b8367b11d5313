import type { Halt } from '../core/consumer-store.js';
import type { OutputKind } from '../core/output.js';
import { hostAndPort } from '../core/redis-address.js';
import { type PulledSource, sourceOf } from '../core/source.js';
import { type ControlFacts, controlFacts } from './control-facts.js';
import { lateStreamsIn, orphansIn, typesFound, type WrongKey } from './doctor-roads.js';
import { type ForeignFound, foreignValues } from './foreign-values.js';
import type { GroupInspector, Owner } from './group-inspector.js';
import type { Keys } from './keys.js';
import { type LaneNode, laneNodes } from './lane-nodes.js';
import { listenFor, pingTimes, startClock } from './measures.js';
import { type MissingRights, missingRights } from './missing-rights.js';
import { type LanePlace, makeInspector } from './open-lanes.js';
import { type OtherGroup, otherGroups, otherShardedGroups } from './other-groups.js';
import type { Connection } from './protocol/connection.js';
import { ifAllowed } from './protocol/failure.js';
import type { SentinelsSeen } from './protocol/masters.js';
import type { Counters, GroupTotals, OrderTotals } from './reading.js';
import type { LiveConsumer } from './registry.js';
import type { RightsNames } from './rights.js';
import type { Orphans } from './scripts/group.js';
import type { KeyTotals } from './scripts/keyed.js';
import { readServer, type ServerFacts } from './server.js';
import { reaches } from './slots.js';
import type { LateStream } from './stream-ids.js';

/** All that a diagnosis needs. Undefined stands for what Redis refuses to this user. */
export interface DoctorFacts {
  readonly rights: MissingRights | undefined;
  readonly server: ServerFacts | undefined;
  /** The nodes of the two slots, `host:port`; undefined unless the Redis is a Cluster. */
  readonly nodes: { readonly group: string; readonly registry: string } | undefined;
  /** The Sentinels that are known; undefined without. */
  readonly sentinels: SentinelsSeen | undefined;
  /** The masters and the lanes that each has; none unless the group has several lanes. Undefined if the user may not ask. */
  readonly laneNodes: readonly LaneNode[] | undefined;
  /** The other nodes that have lanes: one of each, `host:port`. */
  readonly laneServers: readonly { readonly address: string; readonly server: ServerFacts }[];
  readonly clock:
    | {
        /** ms by which Redis's clock is ahead of this machine's. */
        readonly ahead: number;
        /** ms by which it jumped while we looked. */
        readonly stepped: number;
      }
    | undefined;
  /** Of PING, ms. */
  readonly latency: { readonly median: number; readonly p99: number } | undefined;
  /** The list or stream that the group reads; undefined if it reads a channel. */
  readonly pulled:
    | {
        readonly source: PulledSource;
        /** Whether scripts can use it together with the output: else it is in another slot of a Cluster, and not looked at. */
        readonly reachable: boolean;
        /** Its type, as Redis calls it; `none` if it is empty or not there yet. Undefined if the user may not look. */
        readonly type: string | undefined;
        /** Messages in it that are not relayed yet; undefined if Redis cannot tell. */
        readonly waiting: number | undefined;
      }
    | undefined;
  /** The channel that the group reads; with a list or a stream no bridge listens. */
  readonly channel: {
    readonly name: string;
    /** Ours not counted. */
    readonly subscribers: number | undefined;
    /** Published while we listened. */
    readonly bytesPerSecond: number | undefined;
  };
  /** Bridges of this group that are subscribed. */
  readonly bridges: number | undefined;
  readonly others: readonly OtherGroup[] | undefined;
  /** Keys of the group that hold something else. */
  readonly wrongKeys: readonly WrongKey[];
  readonly unseenKeys: readonly string[];
  /** Values in the keys of the group that another program wrote. */
  readonly foreign: readonly ForeignFound[];
  /** Streams with ids far in the future; undefined if the user may not look. */
  readonly lateStreams: readonly LateStream[] | undefined;
  /** The first of the dead letters that stop an order; undefined if the user may not read them. */
  readonly halted: readonly Halt[] | undefined;
  /** Undefined if the user may not read them. */
  readonly counters: Counters | undefined;
  /** The source and group that the keys name; null if no group has run. */
  readonly owner: Owner | null | undefined;
  /** Live consumers of this output, of all processes. */
  readonly live: number | undefined;
  readonly orphans: readonly Orphans[] | undefined;
  /** Unsettled messages. */
  readonly backlog: number | undefined;
  /** What the order waits for; undefined if the user may not look. */
  readonly order: (OrderTotals & Pick<KeyTotals, 'stuck'>) | undefined;
  /** Null if a key of the group holds something else. */
  readonly control: ControlFacts | null | undefined;
}

interface FactsOptions {
  readonly keys: Keys;
  /** ms of silence after which other consumers take the messages of a consumer over. */
  readonly claimAfter: number;
  readonly names: RightsNames & Pick<OutputKind, 'outputType'>;
  /** Not used for anything else meanwhile. */
  readonly connection: Connection;
  /** Likewise, for the keys of the list of consumers (see `openRegistry`). */
  readonly registry: Connection;
  /** At the node of the channel, if that is a sharded one; else the first one. */
  readonly atChannel: Connection;
  /** Not used for anything else meanwhile, for the keys of each lane (see `openLanes`); none if the group has one lane. */
  readonly lanes?: readonly LanePlace[];
  /** Connected at the node of the channel, subscribed to nothing: it listens to the channel for a second. */
  readonly listener: Connection;
  /** Likewise, to try the right to subscribe: a connection subscribes once. */
  readonly trial: Connection;
  /** A connection to the node of a key. */
  readonly connectionTo: (key: string) => Promise<Connection>;
}

/** Dead letters that stop an order: so many are read. */
const HALTS = 100;

/**
 * Reads all facts. Takes a second or two, and changes nothing.
 *
 * @throws {CgroupError} REDIS_UNREACHABLE or OUTCOME_UNKNOWN if Redis does not answer
 */
export async function readFacts(options: FactsOptions): Promise<DoctorFacts> {
  const { keys, claimAfter, connection, registry, atChannel, listener, trial, lanes = [] } = options;
  const names = { ...options.names, cluster: connection.place.isCluster };
  const inspector = makeInspector({ connection, keys, registry, lanes, group: names.group });
  const roads = [{ connection, keys }, ...lanes];
  const server = await ifAllowed(() => readServer(connection));
  // A replica refuses the writes of every user.
  const rights = server?.masterAt
    ? undefined
    : await missingRights({ connection, trial, atChannel, keys, names, registry, lanes });
  const outputType = await outputTypeOf(connection, keys, names);
  const { wrongKeys, unseenKeys } = await typesFound(roads, registry, outputType);
  // A foreign key holds nothing of the group.
  const unless = <T>(name: keyof Keys, nothing: T, ask: () => Promise<T>) =>
    wrongKeys.some((wrong) => roads.some((road) => road.keys[name] === wrong.key)) ? nothing : ifAllowed(ask);
  const owner = await unless<Owner | null>('bridge', null, () => inspector.owner());
  // Read under wrong names, any group looks stopped.
  const source = owner?.source ?? sourceOf(names);
  const { group } = owner ?? names;
  const channel = source.kind === 'channel' ? source.name : names.channel;
  const isSharded = source.kind === 'channel' && source.sharded === true;
  const clock = await startClock(connection);
  const heard = source.kind === 'channel' ? await listenFor(listener, channel, isSharded) : undefined;
  const latency = await pingTimes(connection);
  const live = await unless<readonly LiveConsumer[]>(
    'consumerList',
    [],
    async () => (await inspector.liveConsumers()).consumers,
  );
  const totals = wrongKeys.length > 0 ? undefined : await ifAllowed(() => inspector.totals());
  const bridges = await subscribersOf(atChannel, keys.marks, isSharded);
  const others = isSharded
    ? await otherShardedGroups(atChannel, keys, channel, options.connectionTo)
    : await otherGroups(connection, keys);
  const subscribers = await subscribersOf(atChannel, channel, isSharded);
  const bytesPerSecond = await heard?.end();
  const ids = live?.map(({ id }) => id);
  return {
    rights,
    server,
    nodes: connection.place.isCluster ? { group: nodeOf(connection), registry: nodeOf(registry) } : undefined,
    sentinels: await connection.place.sentinels(),
    laneNodes: lanes.length > 0 ? await laneNodes(connection, lanes) : [],
    laneServers: await serversOf(lanes, connection),
    clock: await clock.read(),
    latency,
    channel: {
      name: channel,
      subscribers: subscribers && subscribers - (heard ? 1 : 0),
      bytesPerSecond,
    },
    pulled: source.kind === 'channel' ? undefined : await pulledFacts(connection, inspector, source),
    bridges,
    others,
    wrongKeys,
    unseenKeys,
    foreign: await foreignValues({ connection, keys, registry, lanes, group: names.group, inspector }),
    lateStreams: wrongKeys.length > 0 ? [] : await lateStreamsIn(roads, outputType),
    counters: await unless('counters', undefined, async () => (await inspector.totals()).counters),
    halted: await unless('halted', [], async () => (await inspector.halts.first(HALTS)).halts),
    owner,
    live: ids?.length,
    orphans:
      ids && (await unless('inbox', [], () => orphansIn(roads, { group, live: ids, silence: claimAfter }))),
    backlog: totals?.backlog,
    order: totals && (await ifAllowed(() => orderFacts(inspector, totals))),
    control:
      wrongKeys.length > 0
        ? null
        : await ifAllowed(() => controlFacts(connection, keys, inspector, registry)),
  };
}

/** Of the nodes that have lanes, but not the group itself. */
async function serversOf(lanes: readonly LanePlace[], base: Connection): Promise<DoctorFacts['laneServers']> {
  const others = new Map(lanes.map(({ connection }) => [nodeOf(connection), connection]));
  others.delete(nodeOf(base));
  const found = await Promise.all(
    [...others].map(async ([address, connection]) => {
      const server = await ifAllowed(() => readServer(connection));
      return server ? [{ address, server }] : [];
    }),
  );
  return found.flat();
}

function nodeOf({ at }: Connection): string {
  return at ? hostAndPort(at) : 'a node that is away';
}

async function orderFacts(inspector: GroupInspector, { order }: GroupTotals): Promise<DoctorFacts['order']> {
  const { stuck } = await inspector.keyTotals(order.kind);
  return { ...order, stuck };
}

async function pulledFacts(connection: Connection, inspector: GroupInspector, source: PulledSource) {
  if (!reaches(connection, source)) return { source, reachable: false, type: undefined, waiting: undefined };
  const type = await ifAllowed(async () => String(await connection.call('TYPE', source.name)));
  const waiting = type === source.kind ? await ifAllowed(() => inspector.waitingIn(source)) : undefined;
  return { source, reachable: true, type, waiting };
}

/** What the group says that its output is; before its first start, what the settings say. */
async function outputTypeOf(connection: Connection, keys: Keys, names: FactsOptions['names']) {
  const found = await ifAllowed(() => connection.call('HMGET', keys.bridge, 'group', 'outputType'));
  const [group, outputType] = (found ?? []) as (string | null)[];
  if (typeof group !== 'string') return names.outputType;
  return outputType === 'list' ? 'list' : 'stream';
}

async function subscribersOf(
  connection: Connection,
  channel: string,
  isSharded: boolean,
): Promise<number | undefined> {
  const found = await ifAllowed(() =>
    isSharded
      ? connection.call('PUBSUB', 'SHARDNUMSUB', channel)
      : connection.call('PUBSUB', 'NUMSUB', channel),
  );
  return found === undefined ? undefined : Number((found as unknown[])[1]);
}
