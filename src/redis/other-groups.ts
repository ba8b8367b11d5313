import { hashTagOf } from '../core/hash-tag.js';
import type { Source } from '../core/source.js';
import { sourceIn } from './inspect.js';
import type { Keys } from './keys.js';
import type { Connection } from './protocol/connection.js';
import { ifAllowed } from './protocol/failure.js';
import { literal } from './rights.js';

/** Another group that runs on the same Redis. */
export interface OtherGroup {
  readonly output: string;
  /** Where its messages come from; undefined if the user may not look. */
  readonly source: Source | undefined;
}

/** Groups that are looked at, at most, if each may need a connection of its own. */
const MOST_ASKED = 20;

/** Finds other groups by the marks channels of their bridges: no search through all keys is needed. */
export async function otherGroups(connection: Connection, keys: Keys): Promise<OtherGroup[] | undefined> {
  const found = await ifAllowed(() => connection.call('PUBSUB', 'CHANNELS', 'cgroup:{*}:marks*'));
  if (!found) return undefined;
  const others: OtherGroup[] = [];
  for (const marks of (found as string[]).filter((name) => name !== keys.marks)) {
    const [, output = '', database] = /^cgroup:\{(.*)\}:marks(:\d+)?$/.exec(marks) ?? [];
    // Another database shows its channels only, which all databases share.
    const sameDatabase = database === /:\d+$/.exec(keys.marks.replace(/^.*\}:marks/, ''))?.[0];
    others.push({
      output,
      source: sameDatabase ? await sourceAt(connection, bridgeOf(keys, output)) : undefined,
    });
  }
  return others;
}

/**
 * Groups with the same sharded channel, or one in its slot: their marks are published at the same node.
 *
 * @param atChannel at that node
 * @param connectionTo a connection to the node of a key: what a group reads is in the slot of its output
 */
export async function otherShardedGroups(
  atChannel: Connection,
  keys: Keys,
  channel: string,
  connectionTo: (key: string) => Promise<Connection>,
): Promise<OtherGroup[] | undefined> {
  const prefix = `cgroup:{${hashTagOf(channel)}}:marks:`;
  const found = await ifAllowed(() => atChannel.call('PUBSUB', 'SHARDCHANNELS', `${literal(prefix)}*`));
  if (!found) return undefined;
  const others: OtherGroup[] = [];
  for (const marks of (found as string[]).filter((name) => name !== keys.marks).slice(0, MOST_ASKED)) {
    const output = marks.slice(prefix.length);
    const bridge = bridgeOf(keys, output);
    others.push({ output, source: await sourceAt(await connectionTo(bridge), bridge) });
  }
  return others;
}

/** The bridge of another output. */
function bridgeOf({ bridge, output: own }: Keys, output: string): string {
  return bridge.replace(own, () => output);
}

async function sourceAt(connection: Connection, bridge: string): Promise<Source | undefined> {
  const ask = () => connection.call('HMGET', bridge, 'channel', 'source', 'listFrom', 'sharded');
  return sourceIn(((await ifAllowed(ask)) ?? []) as (string | null)[]);
}
