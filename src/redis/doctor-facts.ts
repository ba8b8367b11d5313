import { performance } from 'node:perf_hooks';
import type { Halt } from '../core/consumer-store.js';
import type { OutputKind } from '../core/output.js';
import { hostAndPort } from '../core/redis-address.js';
import { type PulledSource, sourceOf } from '../core/source.js';
import type { OnPush } from '../core/subscriber.js';
import { type ControlFacts, controlFacts } from './control-facts.js';
import { type ForeignFound, foreignValues } from './foreign-values.js';
import { Inspector, type Owner } from './inspect.js';
import { type Keys, registryKeysOf, typesOf } from './keys.js';
import { type OtherGroup, otherGroups, otherShardedGroups } from './other-groups.js';
import type { Connection } from './protocol/connection.js';
import { ifAllowed } from './protocol/failure.js';
import type { SentinelsSeen } from './protocol/masters.js';
import type { Counters, GroupTotals, OrderTotals } from './reading.js';
import type { LiveConsumer } from './registry.js';
import { type MissingRights, missingRights, type RightsNames } from './rights.js';
import { type Orphans, orphans } from './scripts/group.js';
import type { KeyTotals } from './scripts/keyed.js';
import { readServer, type ServerFacts } from './server.js';
import { reaches } from './slots.js';
import { type LateStream, lateStreams } from './stream-ids.js';

/** All that a diagnosis needs. Undefined stands for what Redis refuses to this user. */
export interface DoctorFacts {
  readonly rights: MissingRights | undefined;
  readonly server: ServerFacts | undefined;
  /** The nodes of the two slots, `host:port`; undefined unless the Redis is a Cluster. */
  readonly nodes: { readonly group: string; readonly registry: string } | undefined;
  /** The Sentinels that are known; undefined without. */
  readonly sentinels: SentinelsSeen | undefined;
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
  /** The channel that the group reads; with a list or a stream nobody listens. */
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
  readonly wrongKeys: readonly { readonly key: string; readonly expected: string; readonly found: string }[];
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
  /** Connected there, subscribed to nothing: it listens to the channel for a second. */
  readonly listener: Connection;
  /** Likewise, to try the right to subscribe: a connection subscribes once. */
  readonly trial: Connection;
  /** A connection to the node of a key. */
  readonly connectionTo: (key: string) => Promise<Connection>;
}

/** ms to listen to the channel. */
const LISTEN = 1_000;
const PINGS = 100;
/** Dead letters that stop an order: so many are read. */
const HALTS = 100;
/** Pending entries read in one call: the script blocks Redis meanwhile. */
const PAGE = 1_000;

/**
 * Reads all facts. Takes a second or two, and changes nothing.
 *
 * @throws {CgroupError} REDIS_UNREACHABLE or OUTCOME_UNKNOWN if Redis does not answer
 */
export async function readFacts(options: FactsOptions): Promise<DoctorFacts> {
  const { keys, names, claimAfter, connection, registry, atChannel, listener, trial } = options;
  const inspector = new Inspector(connection, keys, names.group, registry);
  const server = await ifAllowed(() => readServer(connection));
  // A replica refuses the writes of every user.
  const rights = server?.masterAt
    ? undefined
    : await missingRights({ connection, registry, atChannel, keys }, trial, names);
  const outputType = await outputTypeOf(connection, keys, names);
  const { wrongKeys, unseenKeys } = await typesFound(connection, registry, keys, outputType);
  // A foreign key holds nothing of the group.
  const unless = <T>(key: string, nothing: T, ask: () => Promise<T>) =>
    wrongKeys.some((wrong) => wrong.key === key) ? nothing : ifAllowed(ask);
  const owner = await unless<Owner | null>(keys.bridge, null, () => inspector.owner());
  // Read under wrong names, any group looks stopped.
  const source = owner?.source ?? sourceOf(names);
  const { group } = owner ?? names;
  const channel = source.kind === 'channel' ? source.name : names.channel;
  const isSharded = source.kind === 'channel' && source.sharded === true;
  const clock = await startClock(connection);
  const heard = source.kind === 'channel' ? await listen(listener, channel, isSharded) : undefined;
  const latency = await latencyOf(connection);
  const live = await unless<readonly LiveConsumer[]>(
    keys.consumerList,
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
    foreign: await foreignValues(connection, keys, inspector, registry),
    lateStreams: wrongKeys.length > 0 ? [] : await lateStreams(connection, keys, outputType),
    counters: await unless(keys.counters, undefined, async () => (await inspector.totals()).counters),
    halted: await unless(keys.halted, [], async () => (await inspector.halts.first(HALTS)).halts),
    owner,
    live: ids?.length,
    orphans: ids && (await unless(keys.inbox, [], () => orphansOf(connection, keys, group, ids, claimAfter))),
    backlog: totals?.backlog,
    order: totals && (await ifAllowed(() => orderFacts(inspector, totals))),
    control:
      wrongKeys.length > 0
        ? null
        : await ifAllowed(() => controlFacts(connection, keys, inspector, registry)),
  };
}

function nodeOf({ at }: Connection): string {
  return at ? hostAndPort(at) : 'a node that is away';
}

async function orderFacts(inspector: Inspector, { order }: GroupTotals): Promise<DoctorFacts['order']> {
  const { stuck } = await inspector.keyTotals(order.kind);
  return { ...order, stuck };
}

async function pulledFacts(connection: Connection, inspector: Inspector, source: PulledSource) {
  if (!reaches(connection, source)) return { source, reachable: false, type: undefined, waiting: undefined };
  const type = await ifAllowed(async () => String(await connection.call('TYPE', source.name)));
  const waiting = type === source.kind ? await ifAllowed(() => inspector.waitingIn(source)) : undefined;
  return { source, reachable: true, type, waiting };
}

/** Redis's clock against this machine's, at two moments. */
async function startClock(connection: Connection) {
  const look = async () => {
    const started = performance.now();
    const time = await ifAllowed(() => connection.call('TIME'));
    const ended = performance.now();
    if (!time) return undefined;
    const [seconds, micros] = time as [string, string];
    const half = (ended - started) / 2;
    const redis = Number(seconds) * 1_000 + Number(micros) / 1_000;
    return { redis, own: Date.now() - half, monotonic: ended - half };
  };
  const first = await look();
  return {
    read: async () => {
      const last = await look();
      if (!first || !last) return undefined;
      const moved = last.redis - first.redis;
      return { ahead: last.redis - last.own, stepped: moved - (last.monotonic - first.monotonic) };
    },
  };
}

/** Listens to the channel from now on; `end` waits until a second is over, and returns bytes a second. */
async function listen(listener: Connection, channel: string, isSharded: boolean) {
  let bytes = 0;
  const count: OnPush = (_bytes, start, end) => {
    bytes += end - start;
  };
  const started = performance.now();
  const subscribed = await ifAllowed(async () => {
    await listener.subscribe(new Map([[channel, count]]), isSharded);
    return true;
  });
  if (!subscribed) return undefined;
  return {
    end: async () => {
      await new Promise((done) => setTimeout(done, Math.max(0, LISTEN - (performance.now() - started))));
      return (bytes / (performance.now() - started)) * 1_000;
    },
  };
}

async function latencyOf(connection: Connection) {
  const times: number[] = [];
  for (let i = 0; i < PINGS; i++) {
    const started = performance.now();
    if ((await ifAllowed(() => connection.call('PING'))) === undefined) return undefined;
    times.push(performance.now() - started);
  }
  times.sort((a, b) => a - b);
  const at = (part: number) => times[Math.min(times.length - 1, Math.floor(part * times.length))] ?? 0;
  return { median: at(0.5), p99: at(0.99) };
}

/** What the group says that its output is; before its first start, what the settings say. */
async function outputTypeOf(connection: Connection, keys: Keys, names: FactsOptions['names']) {
  const found = await ifAllowed(() => connection.call('HMGET', keys.bridge, 'group', 'outputType'));
  const [group, outputType] = (found ?? []) as (string | null)[];
  if (typeof group !== 'string') return names.outputType;
  return outputType === 'list' ? 'list' : 'stream';
}

async function typesFound(
  connection: Connection,
  registry: Connection,
  keys: Keys,
  outputType: OutputKind['outputType'],
) {
  const ofRegistry = registryKeysOf(keys);
  const looked = Object.entries(typesOf(keys, outputType)).map(async ([key, expected]) => {
    const at = ofRegistry.includes(key) ? registry : connection;
    const found = await ifAllowed(async () => String(await at.call('TYPE', key)));
    return { key, expected, found };
  });
  const all = await Promise.all(looked);
  return {
    wrongKeys: all.flatMap(({ key, expected, found }) =>
      found === undefined || found === 'none' || found === expected ? [] : [{ key, expected, found }],
    ),
    unseenKeys: all.filter(({ found }) => found === undefined).map(({ key }) => key),
  };
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

/** See `orphans.lua`. */
async function orphansOf(
  connection: Connection,
  keys: Keys,
  group: string,
  live: readonly string[],
  silence: number,
): Promise<Orphans[]> {
  const all = new Map<string, Orphans>();
  for (const packs of [false, true]) {
    const { retry } = keys;
    const streams = { inbox: packs ? keys.packs : keys.inbox, retry };
    for (let from = '-'; from !== ''; ) {
      const options = { group, silence, from, count: PAGE, live, packs };
      const page = await connection.run(orphans, streams, options);
      for (const { id, pending, idle } of page.found) {
        const before = all.get(id);
        all.set(id, {
          id,
          pending: pending + (before?.pending ?? 0),
          idle: Math.max(idle, before?.idle ?? 0),
        });
      }
      from = page.next;
    }
  }
  return [...all.values()];
}
