import { performance } from 'node:perf_hooks';
import type { Connection } from './connection.js';
import { RefusedError } from './failure.js';
import { type Keys, typesOf } from './keys.js';
import type { OnPush } from './pushes.js';
import { type MissingRights, missingRights, type RightsNames } from './rights.js';
import { readServer, type ServerFacts } from './server.js';

/** A consumer in the Redis group without heartbeats. */
export interface OrphanFacts {
  readonly id: string;
  readonly pending: number;
  /** ms since it last did anything. */
  readonly idle: number;
}

/** Another group that runs on the same Redis. */
export interface OtherGroup {
  readonly output: string;
  /** What it reads; undefined where the user may not look. */
  readonly channel: string | undefined;
}

/** All that a diagnosis is made of. Undefined is what the user may not ask for. */
export interface Facts {
  readonly rights: MissingRights | undefined;
  readonly server: ServerFacts | undefined;
  readonly clock: {
    /** ms by which Redis's clock is ahead of this machine's. */
    readonly ahead: number;
    /** ms by which it moved more than time passed, while we looked. */
    readonly stepped: number;
  };
  /** Of a command that does nothing, ms. */
  readonly latency: { readonly median: number; readonly p99: number; readonly count: number };
  readonly channel:
    | {
        /** Who hears it, we not counted. */
        readonly subscribers: number | undefined;
        /** What was published while we listened. */
        readonly messages: number;
        readonly bytes: number;
        readonly seconds: number;
      }
    | undefined;
  /** Bridges of this group that are subscribed. */
  readonly bridges: number | undefined;
  readonly others: readonly OtherGroup[] | undefined;
  /** Keys of the group that hold something else. */
  readonly wrongKeys: readonly { readonly key: string; readonly expected: string; readonly found: string }[];
  /** What the keys say they belong to; undefined where no group ever ran. */
  readonly owner: { readonly channel: string | undefined; readonly group: string } | undefined;
  /** Live consumers of all processes. */
  readonly live: number | undefined;
  readonly orphans: readonly OrphanFacts[];
  /** Unsettled messages. */
  readonly backlog: number | undefined;
}

export interface FactsOptions {
  readonly keys: Keys;
  readonly names: RightsNames;
  /** Used by nobody else meanwhile. */
  readonly connection: Connection;
  /** Connected, subscribed to nothing: it hears the channel for a while. */
  readonly listener: Connection;
}

/** ms to listen to the channel. */
const LISTEN = 1_000;
const PINGS = 100;

/**
 * Looks at everything, which takes a second or two. Nothing is changed.
 *
 * @throws {CgroupError} REDIS_UNREACHABLE or OUTCOME_UNKNOWN where Redis does not answer
 */
export async function readFacts({ keys, names, connection, listener }: FactsOptions): Promise<Facts> {
  const server = await ifAllowed(() => readServer(connection));
  // A replica refuses what is written whoever asks.
  const rights = server?.masterAt ? undefined : await missingRights({ connection, listener }, keys, names);
  const clock = await startClock(connection);
  const heard = await listen(listener, names.channel);
  const latency = await latencyOf(connection);
  const wrongKeys = await wrongTypes(connection, keys);
  const good = (key: string) => !wrongKeys.some((wrong) => wrong.key === key);
  const text = (command: string, ...args: (string | number)[]) =>
    ifAllowed(async () => (await connection.call(command, ...args)) as string[]);
  const live = good(keys.consumerList) ? await text('LRANGE', keys.consumerList, 0, -1) : undefined;
  const owner = good(keys.bridge) ? await text('HMGET', keys.bridge, 'channel', 'group') : undefined;
  const backlog = good(keys.inbox) ? await ifAllowed(() => connection.call('XLEN', keys.inbox)) : undefined;
  const marks = await text('PUBSUB', 'NUMSUB', keys.marks);
  const others = await otherGroups(connection, keys);
  const subscribers = await text('PUBSUB', 'NUMSUB', names.channel);
  const traffic = await heard?.end();
  const orphans = good(keys.inbox) ? await orphansOf(connection, keys, names.group, live ?? []) : [];
  return {
    rights,
    server,
    clock: await clock.read(),
    latency,
    channel: traffic && { ...traffic, subscribers: subscribers && Number(subscribers[1]) - 1 },
    bridges: marks && Number(marks[1]),
    others,
    wrongKeys,
    owner: owner?.[1] ? { channel: owner[0] ?? undefined, group: owner[1] } : undefined,
    live: live?.length,
    orphans,
    backlog: backlog === undefined ? undefined : Number(backlog),
  };
}

/** What Redis refuses is not known. */
async function ifAllowed<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof RefusedError) return undefined;
    throw error;
  }
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
      if (!first || !last) return { ahead: 0, stepped: 0 };
      const moved = last.redis - first.redis;
      return { ahead: last.redis - last.own, stepped: moved - (last.monotonic - first.monotonic) };
    },
  };
}

/** Hears the channel from now on; what it heard is told at the end, after a second at least. */
async function listen(listener: Connection, channel: string) {
  let messages = 0;
  let bytes = 0;
  const count: OnPush = (_bytes, start, end) => {
    messages++;
    bytes += end - start;
  };
  const started = performance.now();
  const subscribed = await ifAllowed(async () => {
    await listener.subscribe(new Map([[channel, count]]));
    return true;
  });
  if (!subscribed) return undefined;
  return {
    end: async () => {
      await new Promise((done) => setTimeout(done, Math.max(0, LISTEN - (performance.now() - started))));
      return { messages, bytes, seconds: (performance.now() - started) / 1_000 };
    },
  };
}

async function latencyOf(connection: Connection) {
  const times: number[] = [];
  for (let i = 0; i < PINGS; i++) {
    const started = performance.now();
    await ifAllowed(() => connection.call('PING')); // a refusal takes as long
    times.push(performance.now() - started);
  }
  times.sort((a, b) => a - b);
  const at = (part: number) => times[Math.min(times.length - 1, Math.floor(part * times.length))] ?? 0;
  return { median: at(0.5), p99: at(0.99), count: times.length };
}

async function wrongTypes(connection: Connection, keys: Keys) {
  const looked = Object.entries(typesOf(keys)).map(async ([key, expected]) => {
    const found = String((await ifAllowed(() => connection.call('TYPE', key))) ?? 'none');
    return { key, expected, found };
  });
  return (await Promise.all(looked)).filter(({ expected, found }) => found !== 'none' && found !== expected);
}

/** Found by the marks that their bridges listen to, which need no search through all keys. */
async function otherGroups(connection: Connection, keys: Keys): Promise<OtherGroup[] | undefined> {
  const found = await ifAllowed(() => connection.call('PUBSUB', 'CHANNELS', 'cgroup:{*}:marks*'));
  if (!found) return undefined;
  const others: OtherGroup[] = [];
  for (const marks of (found as string[]).filter((name) => name !== keys.marks)) {
    const [, output = '', database] = /^cgroup:\{(.*)\}:marks(:\d+)?$/.exec(marks) ?? [];
    const bridge = keys.bridge.replace(keys.output, () => output);
    // Of another database only the channel can be seen, which is the same in all of them.
    const sameDatabase = database === /:\d+$/.exec(keys.marks.replace(/^.*\}:marks/, ''))?.[0];
    const channel = sameDatabase
      ? await ifAllowed(() => connection.call('HGET', bridge, 'channel'))
      : undefined;
    others.push({ output, channel: (channel as string | null | undefined) ?? undefined });
  }
  return others;
}

async function orphansOf(
  connection: Connection,
  keys: Keys,
  group: string,
  live: readonly string[],
): Promise<OrphanFacts[]> {
  const found = await ifAllowed(() => connection.call('XINFO', 'CONSUMERS', keys.inbox, group));
  const orphans: OrphanFacts[] = [];
  for (const flat of (found as (string | number)[][] | undefined) ?? []) {
    const fact = new Map<unknown, string | number>();
    for (let i = 0; i + 1 < flat.length; i += 2) fact.set(flat[i], flat[i + 1] as string | number);
    const id = String(fact.get('name'));
    const pending = Number(fact.get('pending'));
    if (pending > 0 && !live.includes(id)) orphans.push({ id, pending, idle: Number(fact.get('idle')) });
  }
  return orphans;
}
